import { memoryBackplane } from "../../../src/backplane/backplane.ts";
import type { Implementation } from "../contract/harness.ts";

const HOUR_MS = 3_600_000;
const TOTAL_BYTES = 2 ** 20;
/** A message that exceeds the bound alone: it is kept while it is the newest, and all other histories are lost. */
const LARGE = `"${" ".repeat(TOTAL_BYTES)}"`;

/** The memory backplane under the contract: one node, on a clock that is moved by hand. */
export const memory: Implementation = {
  nodes: 1,
  async createCluster(_, options) {
    const { count = 1_000, ageMs = HOUR_MS, idempotencyWindowMs = HOUR_MS, graceMs = 20 } = options;
    const { pageBytes, channelBytes, channels = {}, devicesPerUser } = options;
    const limits = { count, ageMs, pageBytes, channelBytes, channels, devicesPerUser };
    let now = 1_763_690_000_000;
    const backplane = memoryBackplane({
      history: { ...limits, totalBytes: TOTAL_BYTES },
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
        const message = { id: "large", type: "large", body: LARGE, timestamp: now } as const;
        await backplane.broker.append({ ...message, channel: "group:large" });
      },
    };
  },
};
