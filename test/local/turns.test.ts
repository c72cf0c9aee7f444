import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { type Connection, type Local, type LocalOptions, Packet } from "../../src/local/local.ts";
import { eventually } from "../support/eventually.ts";
import { connectionOf, idleStream, idleTransport, localWith } from "./idle-sockets.ts";

const QUIET: LocalOptions["heartbeat"] = {
  intervalMs: 60_000,
  timeoutMs: 120_000,
  writeTimeoutMs: 60_000,
  ping: true,
  shardsPerStep: 4,
};

interface Scene {
  readonly heartbeat?: LocalOptions["heartbeat"];
  /** Called when the heartbeat looks at a connection. */
  readonly looked?: () => void;
  /** Time that a write takes, in milliseconds. @default none */
  readonly writeMs?: number;
}

/** A node with so many connections, whose sockets take everything at once, and what was written to each of them. */
function nodeWith(count: number, { heartbeat = QUIET, looked, writeMs = 0 }: Scene = {}) {
  const local = localWith({ shardCount: 4, shardsPerTurn: 4, heartbeat });
  const written = new Map<Connection, string>();
  for (let number = 0; number < count; number++) {
    const stream = idleStream();
    const transport = {
      ...idleTransport(stream),
      get isPaused() {
        looked?.();
        return false;
      },
    };
    const connection = connectionOf(local, number, transport);
    stream.write = (bytes) => {
      written.set(connection, (written.get(connection) ?? "") + Buffer.from(bytes).toString());
      for (const until = performance.now() + writeMs; performance.now() < until; );
      return true;
    };
    local.add(connection);
  }
  return { local, written };
}

const broadcast = (local: Local, text: string) =>
  local.deliver({ channel: "all", packet: new Packet(() => text), skip: () => undefined });

test("a reply, and messages to one user, do not wait until a broadcast has come to their connections", async () => {
  // The broadcast takes 400 ms, and a turn at most 50 ms.
  const { local, written } = nodeWith(8_000, { writeMs: 0.05 });
  broadcast(local, "everybody");
  await turn();
  const [waiting, other] = [...local.connections()].filter((connection) => !written.has(connection));
  waiting?.send("reply");
  for (const text of ["first", "second"]) {
    const channel = `user:${other?.user}` as const;
    local.deliver({ channel, packet: new Packet(() => text), skip: () => undefined });
  }
  await turn();
  expect(written.get(waiting as Connection)).toContain("reply");
  expect(written.get(other as Connection)).toMatch(/first.*second/);
  expect(written.size).toBeLessThan(8_000);
  await eventually("everybody has the broadcast", () => written.size === 8_000);
});

test("a flood of replies does not hold a broadcast up", async () => {
  const { local, written } = nodeWith(4_000);
  broadcast(local, "everybody");
  const last = [...local.connections()].at(-1);
  const flood = setInterval(() => {
    for (const connection of local.connections()) connection.send("reply");
  }, 1);
  onTestFinished(() => clearInterval(flood));
  await eventually("the last one has the broadcast", () =>
    written.get(last as Connection)?.includes("everybody"),
  );
});

test("the heartbeat looks at many connections in several turns of the event loop", async () => {
  let inTurn = 0;
  let most = 0;
  let all = 0;
  const looked = (): void => {
    if (inTurn === 0) setImmediate(() => (inTurn = 0));
    most = Math.max(most, ++inTurn);
    all++;
  };
  nodeWith(10_000, { heartbeat: { ...QUIET, intervalMs: 400 }, looked });
  await eventually("it has looked at all", () => all >= 10_000);
  expect(most).toBeLessThanOrEqual(4_096);
});

test("messages that wait in the send queues are counted until they are written", async () => {
  const { local, written } = nodeWith(600);
  const { connections } = broadcast(local, "everybody");
  [...local.connections()][0]?.send("reply");
  expect(connections).toBe(600);
  expect(local.pending().messages).toBe(601);
  await eventually("everybody has the broadcast", () => written.size === 600);
  await turn();
  expect(local.pending()).toEqual({ messages: 0, bytes: 0 });
});

test("a connection that is closing is no receiver of a broadcast, and those who come later are", () => {
  const { local } = nodeWith(10);
  const [one, other] = local.connections();
  one?.close("kicked");
  expect(broadcast(local, "first").connections).toBe(9);
  local.remove(one as Connection);
  other?.closed();
  expect(broadcast(local, "second").connections).toBe(8);
  local.remove(other as Connection);
  expect(broadcast(local, "third").connections).toBe(8);
});
