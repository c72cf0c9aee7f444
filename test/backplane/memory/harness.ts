import { memoryBackplane } from "../../../src/backplane/backplane.ts";
import type { Implementation } from "../contract/harness.ts";

const HOUR_MS = 3_600_000;
const TOTAL_BYTES = 2 ** 20;
/** Size of a message of which one fits the bound: a second one evicts the first, and all histories used before. */
const LARGE = `"${" ".repeat(0.6 * TOTAL_BYTES)}"`;

/** The memory backplane under the contract: one node, on a clock that is moved by hand. */
export const memory: Implementation = {
  nodes: 1,
  async createCluster(_, options) {
    const { count = 1_000, ageMs = HOUR_MS, idempotencyWindowMs = HOUR_MS, graceMs = 20 } = options;
    let now = 1_763_690_000_000;
    const backplane = memoryBackplane({
      history: { count, ageMs, totalBytes: TOTAL_BYTES },
      idempotencyWindowMs,
      graceMs,
      now: () => now,
    });
    return {
      backplanes: [backplane],
      now: () => now,
      async advance(ms) {
        now += ms;
      },
      async loseHistories() {
        for (const channel of ["group:large-1", "group:large-2"] as const) {
          await backplane.broker.append({ id: "large", type: "large", body: LARGE, timestamp: now, channel });
        }
      },
    };
  },
};
