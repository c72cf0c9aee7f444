import { expect, test } from "vitest";
import type { StoredMessage } from "../../../../src/backplane/message.ts";
import { AwaitingOffsets } from "../../../../src/backplane/redis/stored/awaiting-offsets.ts";
import type { Channel } from "../../../../src/protocol/protocol.ts";

const entry = (id: string): string => `${id}\x1fchat\x1f"hi"\x1f1\x1f`;

/** A line of messages that await their offsets, one to each channel. */
const line = (name: string, ...channels: Channel[]): string =>
  `U\x1f${name}\x1f${channels.length}${channels.map((channel) => `\x1f${channel}\x1fe.1\x1f0`).join("")}\x1e${channels
    .map((channel) => `${entry(`${name} to ${channel}`)}\x1e`)
    .join("")}`;

const stored = (id: string, channel: Channel, offset: number): StoredMessage => ({
  id,
  type: "chat",
  body: "1",
  timestamp: 1,
  channel,
  epoch: "e.1",
  offset,
});

const offsetsOf = (messages: readonly StoredMessage[]) => messages.map(({ id, offset }) => `${id} ${offset}`);

test("a message is held for payloads that arrived before it, never for later ones", () => {
  const awaiting = new AwaitingOffsets(() => undefined);
  const early = stored("early", "all", 3);
  expect(awaiting.hold(early)).toBe(false);
  awaiting.add(line("a", "all", "user:x"));
  expect(awaiting.hold(stored("other", "user:y", 3))).toBe(false);
  expect(awaiting.hold(early)).toBe(true);
  awaiting.add(line("b", "all"));

  expect(offsetsOf(awaiting.assign("a", ["2", "1"]))).toEqual(["a to all 2", "a to user:x 1", "early 3"]);
  expect(awaiting.hold(early)).toBe(false);
  expect(offsetsOf(awaiting.assign("b", ["4"]))).toEqual(["b to all 4"]);
  expect(awaiting.assign("b", ["4"])).toEqual([]);
});

test("messages without an offset are skipped: another line brings them", () => {
  const awaiting = new AwaitingOffsets(() => undefined);
  expect(awaiting.add(line("a", "all", "user:x", "user:y"))).toBe(3);

  expect(offsetsOf(awaiting.assign("a", ["0", "-1", "5"]))).toEqual(["a to user:y 5"]);
});

test("a payload without offsets times out: it reports its channels, releases held messages, ignores late offsets", async () => {
  const { promise, resolve } = Promise.withResolvers<[ReadonlySet<Channel>, StoredMessage[]]>();
  const awaiting = new AwaitingOffsets((...overdue) => resolve(overdue));
  awaiting.add(line("a", "all", "user:x"));
  awaiting.hold(stored("later", "all", 3));
  awaiting.hold(stored("sooner", "all", 2));

  const [channels, held] = await promise;

  expect([...channels]).toEqual(["all", "user:x"]);
  expect(offsetsOf(held)).toEqual(["sooner 2", "later 3"]);
  expect(awaiting.hold(stored("later", "all", 3))).toBe(false);
  expect(awaiting.assign("a", ["1", "1"])).toEqual([]);
});
