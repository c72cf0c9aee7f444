import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../../support/eventually.ts";
import type { RedisServer } from "../../support/redis/redis.ts";
import type { Dice } from "../plan.ts";
import { KINDS } from "../redis/kind.ts";
import type { World } from "../world.ts";
import { type Fault, HEALED } from "./fault.ts";

const pickMaster = async ({ redis }: World, dice: Dice): Promise<RedisServer> =>
  dice.pick(await redis.masters());

/** Asks a server until it answers: Sentinel cuts the connections to one that it makes a replica. */
const insist = (work: () => Promise<unknown>): Promise<true> =>
  eventually("a server does as the fault asks", () =>
    work().then(
      () => true,
      () => false,
    ),
  );

/** Files that hold the data: a folder since Redis 7, one file before. */
const DATA = ["appendonlydir", "appendonly.aof"];

async function directoryOf(server: RedisServer): Promise<string> {
  const [, directory] = (await server.command("CONFIG", "GET", "dir")) as string[]; // name, value
  return String(directory);
}

/** Room beyond what is in use, so that the first messages still fit. */
const ROOM_BYTES = 256 * 1024;

const usedBytes = async (server: RedisServer): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(String(await server.command("INFO", "memory")))?.[1]);

/** Faults of Redis that every kind can have. */
export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: "redis.crash",
    lane: "redis",
    on: ["single", "cluster"],
    lastsMs: [0, 4_000],
    async begin(world, dice) {
      const server = await pickMaster(world, dice);
      await server.kill();
      return () => server.restart();
    },
  },
  {
    // Below and above the timeout of a command.
    name: "redis.hang",
    lane: "redis",
    on: KINDS,
    lastsMs: [100, 5_000],
    async begin(world, dice) {
      const server = await pickMaster(world, dice);
      server.pause();
      return async () => server.continue();
    },
  },
  {
    name: "redis.flush",
    lane: "redis",
    on: KINDS,
    lastsMs: [0, 2_000],
    loses: true,
    async begin(world, dice) {
      await insist(async () => (await pickMaster(world, dice)).command("FLUSHALL"));
      return HEALED;
    },
  },
  {
    name: "redis.keys",
    lane: "redis",
    on: KINDS,
    lastsMs: [0, 2_000],
    loses: true,
    forgetsKeys: true,
    async begin(world, dice) {
      const part = dice.pick([0.02, 0.2, 0.7]);
      await insist(async () => {
        const server = await pickMaster(world, dice);
        const keys = (await server.command("KEYS", "*")) as string[]; // names
        for (const key of dice.some(keys.toSorted(), part)) await server.command("DEL", key);
      });
      return HEALED;
    },
  },
  {
    name: "redis.full",
    lane: "redis",
    on: KINDS,
    lastsMs: [1_000, 5_000],
    async begin(world, dice) {
      let full: RedisServer | undefined;
      await insist(async () => {
        const server = full ?? (await pickMaster(world, dice));
        full = server;
        await server.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
        await server.command("CONFIG", "SET", "maxmemory", (await usedBytes(server)) + ROOM_BYTES);
      });
      return async () => {
        await insist(async () => full?.command("CONFIG", "SET", "maxmemory", 0));
      };
    },
  },
  {
    name: "redis.snapshot",
    lane: "redis",
    on: ["single", "cluster"],
    lastsMs: [500, 4_000],
    loses: true,
    async begin(world, dice) {
      const server = await pickMaster(world, dice);
      const directory = await directoryOf(server);
      const copy = join(directory, "snapshot");
      const each = async (step: (name: string) => Promise<void>): Promise<void> => {
        for (const name of DATA) await step(name).catch(() => undefined); // one of the two is not there
      };
      await each((name) => cp(join(directory, name), join(copy, name), { recursive: true }));
      return async () => {
        await server.kill();
        await each((name) => rm(join(directory, name), { recursive: true }));
        await each((name) => cp(join(copy, name), join(directory, name), { recursive: true }));
        await server.restart();
      };
    },
  },
];
