import { beforeEach, expect, test } from "vitest";
import { HOLD_LIMIT, Timeline } from "../../src/client/messages/timeline.ts";
import type { Push } from "../../src/protocol/protocol.ts";

let told: (number | string)[];
let timeline: Timeline;

const newTimeline = (position?: { epoch: string; offset: number }): Timeline =>
  new Timeline(
    {
      deliver: (push) => told.push(Number(push.offset)),
      lost: () => told.push("lost"),
      gap: () => told.push("gap"),
    },
    position,
  );

beforeEach(() => {
  told = [];
  timeline = newTimeline({ epoch: "a", offset: 10 });
});

const receive = (...offsets: number[]): void => {
  for (const offset of offsets) {
    const push: Push = { type: "chat", data: null, timestamp: 1, to: "alice", id: `${offset}`, offset };
    timeline.receive(push, offset);
  }
};

const move = (epoch: string, offset: number, recovered = true): void =>
  timeline.move({ type: "position", channel: "user:alice", epoch, offset, recovered });

test("delivers the next offset and drops those it has seen", () => {
  receive(11, 11, 9, 12, 10, 11, 13);
  expect(told).toEqual([11, 12, 13]);
});

test("holds back what follows a gap, and delivers it in order when the gap is filled", () => {
  receive(13, 12, 15);
  expect(timeline.hasGap).toBe(true);
  move("a", 10);
  receive(11, 12, 13, 14, 15, 16);
  expect(told).toEqual(["gap", 11, 12, 13, 14, 15, 16]);
  expect(timeline.hasGap).toBe(false);
});

test("holds back a bounded number of messages; the others come again", () => {
  const held = Array.from({ length: HOLD_LIMIT + 50 }, (_, index) => index + 12);
  receive(...held);
  move("a", 10);
  receive(11, ...held);
  expect(told).toEqual(["gap", 11, ...held]);
});

test("a position one ahead stands for a message that is not for this connection", () => {
  move("a", 11);
  receive(12);
  expect(told).toEqual([12]);
});

test("a position further ahead is a gap, because messages before it may have been dropped", () => {
  move("a", 13);
  expect(told).toEqual(["gap"]);
  move("a", 10);
  receive(11, 12);
  expect(timeline.position).toEqual({ epoch: "a", offset: 13 });
});

test("an answer that comes late does not deliver anything twice", () => {
  receive(11, 12);
  move("a", 10);
  receive(11, 12, 13);
  expect(told).toEqual([11, 12, 13]);
});

test("tells when the history is too short, and still delivers what it has held back", () => {
  receive(13, 14);
  move("a", 15, false);
  receive(16);
  expect(told).toEqual(["gap", "lost", 13, 14, "lost", 16]);
});

test("tells when the epoch has changed, and follows the new one", () => {
  move("b", 0, false);
  receive(1, 2);
  expect(told).toEqual(["lost", 1, 2]);
  expect(timeline.position).toEqual({ epoch: "b", offset: 2 });
});

test("an answer about a former epoch does not rewind the present one", () => {
  timeline.login();
  move("b", 0, false);
  receive(1, 2);
  move("b", 0, false);
  receive(1, 2, 3);
  expect(told).toEqual(["lost", 1, 2, 3]);
});

test("tells when the server has lost the end of the history, and takes its offsets anew", () => {
  timeline.login();
  move("a", 7, false);
  receive(8, 9);
  expect(told).toEqual(["lost", 8, 9]);
});

test("a late answer from a history that was trimmed meanwhile does not deliver anything twice", () => {
  timeline.login();
  move("a", 10);
  receive(11, 12);
  move("a", 9, false);
  receive(10, 11, 12, 13);
  expect(told).toEqual([11, 12, 13]);
});

test("giving up a gap tells, and goes on with what was held back", () => {
  receive(14, 13, 16);
  timeline.giveUp();
  expect(told).toEqual(["gap", "lost", 13, 14]);
  expect(timeline.hasGap).toBe(true);
  timeline.giveUp();
  expect(told).toEqual(["gap", "lost", 13, 14, "lost", 16]);
});

test("the first message of an unknown channel sets the offset, and its epoch comes later", () => {
  timeline = newTimeline();
  receive(5, 6);
  expect(timeline.position).toBeUndefined();
  move("a", 6);
  expect(timeline.position).toEqual({ epoch: "a", offset: 6 });
  expect(told).toEqual([5, 6]);
});

test("a gap without an epoch cannot be asked for, so it is told as lost", () => {
  timeline = newTimeline();
  receive(5, 8, 9);
  expect(told).toEqual([5, "lost", 8, 9]);
});
