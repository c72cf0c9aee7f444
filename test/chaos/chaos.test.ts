import { expect, test } from "vitest";
import { faultsOn } from "./faults/faults.ts";
import type { Kind } from "./redis/kind.ts";
import { runRound } from "./round.ts";

/** Enough for half a minute; `npm run chaos` runs as long as one likes, with every fault. */
const STEPS = 4;

const EVERYWHERE = [
  "node.kill",
  "node.stop",
  "node.pause",
  "client.cut",
  "client.silence",
  "redis.cut",
  "redis.hang",
];

const ROUNDS: Readonly<Record<Kind, { seed: number; faults: readonly string[] }>> = {
  single: { seed: 1, faults: [...EVERYWHERE, "redis.silence", "redis.crash", "redis.flush"] },
  sentinel: { seed: 2, faults: [...EVERYWHERE, "redis.failover"] },
  cluster: {
    seed: 3,
    faults: [...EVERYWHERE, "redis.crash", "redis.failover", "slots.move", "master.add"],
  },
};

test.each(Object.entries(ROUNDS))(
  "random faults on %s: each message arrives once, in one order, or its loss is told",
  async (kind, { seed, faults }) => {
    const { breaches, confirmed } = await runRound({
      kind: kind as Kind, // a key of ROUNDS
      seed,
      steps: STEPS,
      faults: faultsOn(kind as Kind, faults),
    });
    expect(breaches).toEqual([]);
    expect(confirmed).toBeGreaterThan(100);
  },
);
