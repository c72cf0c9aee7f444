import { expect, test } from "vitest";
import type { StoredMessage } from "../../src/backplane/message.ts";
import { Unplaced } from "../../src/backplane/redis/unplaced.ts";
import type { Channel } from "../../src/protocol/protocol.ts";

const entry = (id: string): string => `${id}\x1fchat\x1f"hi"\x1f1\x1f`;

/** A line `U` of one message to each channel. */
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

test("a message is held for those that came before it, never for those that came after it", () => {
  const unplaced = new Unplaced(() => undefined);
  const early = stored("early", "all", 3);
  expect(unplaced.hold(early)).toBe(false);
  unplaced.add(line("a", "all", "user:x"));
  expect(unplaced.hold(stored("other", "user:y", 3))).toBe(false);
  expect(unplaced.hold(early)).toBe(true);
  unplaced.add(line("b", "all"));

  expect(offsetsOf(unplaced.place("a", ["2", "1"]))).toEqual(["a to all 2", "a to user:x 1", "early 3"]);
  expect(unplaced.hold(early)).toBe(false);
  expect(offsetsOf(unplaced.place("b", ["4"]))).toEqual(["b to all 4"]);
  expect(unplaced.place("b", ["4"])).toEqual([]);
});

test("messages without an offset are in another line", () => {
  const unplaced = new Unplaced(() => undefined);
  expect(unplaced.add(line("a", "all", "user:x", "user:y"))).toBe(3);

  expect(offsetsOf(unplaced.place("a", ["0", "-1", "5"]))).toEqual(["a to user:y 5"]);
});

test("what is overdue says for which channels, gives back what it held, and nothing comes of it any more", async () => {
  const { promise, resolve } = Promise.withResolvers<[ReadonlySet<Channel>, StoredMessage[]]>();
  const unplaced = new Unplaced((...overdue) => resolve(overdue));
  unplaced.add(line("a", "all", "user:x"));
  unplaced.hold(stored("later", "all", 3));
  unplaced.hold(stored("sooner", "all", 2));

  const [channels, held] = await promise;

  expect([...channels]).toEqual(["all", "user:x"]);
  expect(offsetsOf(held)).toEqual(["sooner 2", "later 3"]);
  expect(unplaced.hold(stored("later", "all", 3))).toBe(false);
  expect(unplaced.place("a", ["1", "1"])).toEqual([]);
});
