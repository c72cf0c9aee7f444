import { KINDS } from "../redis/kind.ts";
import { type Fault, HEALED } from "./fault.ts";

const DAY_MS = 86_400_000;

/** Faults of the processes that are nodes. */
export const NODE_FAULTS: readonly Fault[] = [
  {
    name: "node.kill",
    lane: "nodes",
    on: KINDS,
    lastsMs: [0, 5_000],
    async begin({ nodes }, dice) {
      const { process } = dice.pick(nodes);
      await process.kill();
      return () => process.restart();
    },
  },
  {
    name: "node.stop",
    lane: "nodes",
    on: KINDS,
    lastsMs: [0, 1_000],
    async begin({ nodes }, dice) {
      const { process } = dice.pick(nodes);
      await process.stop();
      return () => process.restart();
    },
  },
  {
    // Below and above the node timeout.
    name: "node.pause",
    lane: "nodes",
    on: KINDS,
    lastsMs: [200, 6_000],
    async begin({ nodes }, dice) {
      const { process } = dice.pick(nodes);
      process.pause();
      return async () => process.continue();
    },
  },
  {
    name: "node.clock",
    lane: "nodes",
    on: KINDS,
    lastsMs: [1_000, 5_000],
    async begin({ nodes }, dice) {
      const node = dice.pick(nodes);
      const days = dice.pick([-8, -0.01, 0.002, 0.01, 8]);
      await node.shiftClock(days * DAY_MS);
      return () => node.shiftClock(0);
    },
  },
  {
    name: "node.settings",
    lane: "nodes",
    on: KINDS,
    lastsMs: [1_000, 5_000],
    async begin({ nodes }, dice) {
      const { process } = dice.pick(nodes);
      const changes = dice.pick<Record<string, string>>([
        { HISTORY_COUNT: "5" },
        { HISTORY_AGE_MS: "1000" },
        { PUBLISH_IDEMPOTENCY_WINDOW_MS: "1000" },
        { PRESENCE_GRACE_MS: "50" },
      ]);
      await process.stop();
      await process.restart(changes);
      return async () => {
        await process.stop();
        await process.restart();
      };
    },
  },
];

/** Faults of connections. */
export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: "client.cut",
    lane: "network",
    on: KINDS,
    lastsMs: [0, 500],
    async begin({ door }, dice) {
      door.cut(dice, dice.next());
      return HEALED;
    },
  },
  {
    name: "client.silence",
    lane: "network",
    on: KINDS,
    lastsMs: [500, 3_000],
    async begin({ door }, dice) {
      door.silence(dice, dice.next() / 2);
      return HEALED;
    },
  },
  {
    name: "redis.cut",
    lane: "network",
    on: KINDS,
    lastsMs: [0, 500],
    async begin({ redis }, dice) {
      const server = dice.pick(await redis.masters());
      const list = String(await server.command("CLIENT", "LIST").catch(() => ""));
      const ids = list.match(/(?<=^id=)\d+/gm) ?? [];
      for (const id of dice.some(ids, dice.next())) {
        await server.command("CLIENT", "KILL", "ID", id).catch(() => undefined); // it may have ended by itself
      }
      return HEALED;
    },
  },
  {
    name: "redis.silence",
    lane: "network",
    on: ["single"],
    lastsMs: [500, 3_000],
    async begin({ redis }, dice) {
      dice.pick(redis.proxies).silence(dice, dice.next());
      return HEALED;
    },
  },
];
