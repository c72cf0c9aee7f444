import { setTimeout as sleep } from "node:timers/promises";
import type { Dice } from "../plan.ts";
import { ClusterRedis } from "../redis/cluster.ts";
import { SentinelRedis } from "../redis/sentinel.ts";
import type { World } from "../world.ts";
import type { Fault } from "./fault.ts";

function replicatedIn({ redis }: World): SentinelRedis | ClusterRedis {
  if (redis instanceof SentinelRedis || redis instanceof ClusterRedis) return redis;
  throw new Error(`no replica on ${redis.kind}`);
}

function clusterIn({ redis }: World): ClusterRedis {
  if (redis instanceof ClusterRedis) return redis;
  throw new Error(`no slots on ${redis.kind}`);
}

/** Slots that one fault moves. */
const SLOTS = 12;
/** Between two slots, so that nodes publish while some have moved and some have not. */
const PAUSE_MS = 50;

async function moveSome(cluster: ClusterRedis, dice: Dice): Promise<void> {
  const masters = await cluster.masters();
  const from = dice.pick(masters);
  const to = dice.pick(masters.filter((master) => master !== from));
  for (const slot of (await cluster.partitionsOf(from)).slice(0, SLOTS)) {
    await cluster.move(slot, from, to);
    await sleep(PAUSE_MS);
  }
}

/** Faults that change which server has which keys. */
export const TOPOLOGY_FAULTS: readonly Fault[] = [
  {
    name: "redis.failover",
    lane: "redis",
    on: ["sentinel", "cluster"],
    lastsMs: [0, 2_000],
    async begin(world) {
      const redis = replicatedIn(world);
      await redis.follows((await redis.roles()).replica);
      const { master, replica } = await redis.roles();
      await master.kill();
      await redis.promoted(replica);
      return async () => {
        await master.restartAsItIs();
        await redis.follows(master);
      };
    },
  },
  {
    name: "slots.move",
    lane: "redis",
    on: ["cluster"],
    lastsMs: [0, 2_000],
    async begin(world, dice) {
      const cluster = clusterIn(world);
      await cluster.whole();
      await moveSome(cluster, dice);
      return () => moveSome(cluster, dice);
    },
  },
  {
    name: "master.add",
    lane: "redis",
    on: ["cluster"],
    lastsMs: [0, 3_000],
    async begin(world, dice) {
      const cluster = clusterIn(world);
      await cluster.whole();
      const from = dice.pick(await cluster.masters());
      const added = await cluster.add();
      for (const slot of (await cluster.partitionsOf(from)).slice(0, SLOTS)) {
        await cluster.move(slot, from, added);
        await sleep(PAUSE_MS);
      }
      return () => cluster.remove();
    },
  },
];
