import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bus } from "../../../../src/backplane/redis/bus/bus.ts";
import type { Directory } from "../../../../src/backplane/redis/routing/directory.ts";
import { Tallies } from "../../../../src/backplane/redis/routing/tallies.ts";
import { LINE } from "../../../../src/backplane/redis/wire/lines.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TIMEOUT_MS = 5_000;

/** A node that others ask for reports, with the answers that it has given. */
function asked() {
  const handlers = new Map<string, (fields: string[]) => void>();
  const answers: string[] = [];
  const bus = {
    token: "own",
    silent: { onSilent: () => undefined },
    on: (kind: string, handler: (fields: string[]) => void) => handlers.set(kind, handler),
    answer: (token: string) => answers.push(token),
  };
  const tallies = new Tallies(bus as unknown as Bus, {} as Directory, TIMEOUT_MS); // it asks nobody
  return {
    answers,
    ask: (id: string, token = "other") => handlers.get(LINE.tally)?.([LINE.tally, "1", token, id]),
    arrives: (id: string, isOrdered = true) =>
      tallies.stored(
        { id, type: "n", body: "1", timestamp: 1, channel: "group:g" },
        { connections: 1, dropped: 0 },
        isOrdered,
      ),
  };
}

test("a question is answered when its message arrives, as long as the asking node waits", () => {
  const { answers, ask, arrives } = asked();
  ask("m1");
  ask("m2");
  vi.advanceTimersByTime(TIMEOUT_MS - 1);
  ask("m3");
  arrives("m1");
  expect(answers).toEqual(["other"]);
  vi.advanceTimersByTime(TIMEOUT_MS);
  arrives("m2");
  expect(answers).toEqual(["other"]);
  vi.advanceTimersByTime(TIMEOUT_MS);
  arrives("m3");
  expect(answers).toEqual(["other"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a question of this node to all nodes is not kept here", () => {
  const { answers, ask, arrives } = asked();
  ask("m1", "own");
  arrives("m1");
  expect([answers, vi.getTimerCount()]).toEqual([[], 0]);
});

test("a message that may have overtaken its question is reported all the same", () => {
  const { answers, ask, arrives } = asked();
  arrives("m1", false);
  ask("m1");
  expect(answers).toEqual(["other"]);
});
