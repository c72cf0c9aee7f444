import { beforeEach, expect, test } from "vitest";
import { HOLD_LIMIT, Timeline } from "../../src/client/messages/timeline.ts";
import type { Push } from "../../src/protocol/protocol.ts";

let output: (number | string)[];
let timeline: Timeline;

const newTimeline = (position?: { epoch: string; offset: number }): Timeline =>
  new Timeline(
    {
      deliver: (push) => output.push(Number(push.offset)),
      lost: () => output.push("lost"),
      gap: () => output.push("gap"),
    },
    position,
  );

beforeEach(() => {
  output = [];
  timeline = newTimeline({ epoch: "a", offset: 10 });
});

const receive = (...offsets: number[]): void => {
  for (const offset of offsets) {
    const push: Push = { type: "chat", data: null, timestamp: 1, to: "alice", id: `${offset}`, offset };
    timeline.receive(push, offset);
  }
};

const move = (epoch: string, offset: number, recovered = true): void =>
  timeline.move({ event: "position", channel: "user:alice", epoch, offset, recovered });

const missed = (epoch: string, offset: number): void =>
  timeline.move({ event: "position", channel: "user:alice", epoch, offset, recovered: true, missed: true });

test("delivers the next offset and drops delivered ones", () => {
  receive(11, 11, 9, 12, 10, 11, 13);
  expect(output).toEqual([11, 12, 13]);
});

test("holds the messages after a gap, and delivers them in order when it is filled", () => {
  receive(13, 12, 15);
  expect(timeline.hasGap).toBe(true);
  move("a", 10);
  receive(11, 12, 13, 14, 15, 16);
  expect(output).toEqual(["gap", 11, 12, 13, 14, 15, 16]);
  expect(timeline.hasGap).toBe(false);
});

test("holds a bounded number of messages; the replay repeats the others", () => {
  const held = Array.from({ length: HOLD_LIMIT + 50 }, (_, index) => index + 12);
  receive(...held);
  move("a", 10);
  receive(11, ...held);
  expect(output).toEqual(["gap", 11, ...held]);
});

test("a position one ahead skips a message that is not for this connection", () => {
  move("a", 11);
  receive(12);
  expect(output).toEqual([12]);
});

test("a position further ahead is a gap, because messages before it may have been dropped", () => {
  move("a", 13);
  expect(output).toEqual(["gap"]);
  move("a", 10);
  receive(11, 12);
  expect(timeline.position).toEqual({ epoch: "a", offset: 13 });
});

test("a late replay delivers nothing twice", () => {
  receive(11, 12);
  move("a", 10);
  receive(11, 12, 13);
  expect(output).toEqual([11, 12, 13]);
});

test("reports a history that is too short, and delivers the held messages", () => {
  receive(13, 14);
  move("a", 15, false);
  receive(16);
  expect(output).toEqual(["gap", "lost", 13, 14, "lost", 16]);
});

test("reports a new epoch and follows it", () => {
  move("b", 0, false);
  receive(1, 2);
  expect(output).toEqual(["lost", 1, 2]);
  expect(timeline.position).toEqual({ epoch: "b", offset: 2, id: "2" });
});

test("a reply about an earlier epoch does not rewind the present one", () => {
  timeline.login();
  move("b", 0, false);
  receive(1, 2);
  move("b", 0, false);
  receive(1, 2, 3);
  expect(output).toEqual(["lost", 1, 2, 3]);
});

test("reports that the server lost the end of the history, and accepts its offsets again", () => {
  timeline.login();
  move("a", 7, false);
  receive(8, 9);
  expect(output).toEqual(["lost", 8, 9]);
});

test("a late replay of a trimmed history delivers nothing twice", () => {
  timeline.login();
  move("a", 10);
  receive(11, 12);
  move("a", 9, false);
  receive(10, 11, 12, 13);
  expect(output).toEqual([11, 12, 13]);
});

test("giving up a gap reports the loss and delivers the held messages", () => {
  receive(14, 13, 16);
  timeline.giveUp();
  expect(output).toEqual(["gap", "lost", 13, 14]);
  expect(timeline.hasGap).toBe(true);
  timeline.giveUp();
  expect(output).toEqual(["gap", "lost", 13, 14, "lost", 16]);
});

test("the first message of an unknown channel sets the offset; a position sets the epoch", () => {
  timeline = newTimeline();
  receive(5, 6);
  expect(timeline.position).toBeUndefined();
  move("a", 6);
  expect(timeline.position).toEqual({ epoch: "a", offset: 6, id: "6" });
  expect(output).toEqual([5, 6]);
});

test("a gap without an epoch cannot be filled, so it is reported as lost", () => {
  timeline = newTimeline();
  receive(5, 8, 9);
  expect(output).toEqual([5, "lost", 8, 9]);
});

test("a position that says `missed` is a gap up to and including its offset, also one ahead", () => {
  missed("a", 11);
  expect(output).toEqual(["gap"]);
  expect(timeline.position).toEqual({ epoch: "a", offset: 10 });
  receive(12);
  move("a", 10);
  receive(11, 12);
  expect(output).toEqual(["gap", 11, 12]);
  expect(timeline.hasGap).toBe(false);
  missed("a", 12);
  expect(output).toEqual(["gap", 11, 12]);
});

test("a position that says `missed` in another epoch reports the loss and asks from its beginning", () => {
  missed("b", 3);
  expect(output).toEqual(["lost", "gap"]);
  expect(timeline.position).toEqual({ epoch: "b", offset: 0 });
  receive(1, 2, 3);
  expect(output).toEqual(["lost", "gap", 1, 2, 3]);
});

test("giving up a gap without held messages continues after its end", () => {
  missed("a", 13);
  timeline.giveUp();
  receive(14);
  expect(output).toEqual(["gap", "lost", 14]);
});

test("a login that left the position out: a position of the server's choice one ahead is a gap", () => {
  timeline.login(false);
  move("a", 11);
  expect(output).toEqual(["gap"]);
  move("a", 10);
  receive(11);
  move("a", 12);
  receive(13);
  expect(output).toEqual(["gap", 11, 13]);
});

test("a login that left the position out: another epoch is a loss, whatever the server recovered", () => {
  timeline.login(false);
  move("b", 2);
  expect(output).toEqual(["lost", "gap"]);
  receive(1, 2, 3);
  expect(output).toEqual(["lost", "gap", 1, 2, 3]);
});

test("in a channel that keeps only its newest message, older ones that are gone are no loss and no gap", () => {
  const latest = (offset: number): void =>
    timeline.move({ event: "position", channel: "all", epoch: "a", offset, recovered: true, missed: false });
  latest(14);
  receive(15);
  // A late reply to an earlier request.
  latest(12);
  receive(16, 18);
  latest(17);
  receive(18, 19);
  expect(output).toEqual([15, 16, "gap", 18, 19]);
  expect(timeline.hasGap).toBe(false);
});
