import { expect, test } from "vitest";
import type { Broker, HistoryPage } from "../../src/backplane/backplane.ts";
import type { Connection } from "../../src/local/local.ts";
import { Edits } from "../../src/publish/edits/edits.ts";
import { type APPLICATION, HistoryReads, UserReader } from "../../src/publish/publish.ts";
import { eventually } from "../support/eventually.ts";

const EMPTY: HistoryPage = { epoch: "e", first: 1, last: 0, messages: [] };

/** A store whose reads end when the test says so. */
class HeldBroker {
  /** Channels of the reads in flight, in the order of their beginnings. */
  readonly begun: string[] = [];
  readonly #ends: (() => void)[] = [];
  inFlight = 0;
  page = EMPTY;

  history(channel: string): Promise<HistoryPage> {
    this.begun.push(channel);
    this.inFlight++;
    return new Promise((resolve) => this.#ends.push(() => resolve(this.page)));
  }

  /** Ends the oldest read in flight. */
  end(): void {
    this.inFlight--;
    this.#ends.shift()?.();
  }
}

interface Scene {
  readonly broker: HeldBroker;
  readonly reads: HistoryReads;
}

function scene(): Scene {
  const broker = new HeldBroker();
  return { broker, reads: new HistoryReads(broker as Pick<Broker, "history"> as Broker) }; // no other method is called
}

let users = 0;

/** A connection, by default of a user of its own, that is drained when the test says so. */
function reader(drained: Promise<void> = Promise.resolve(), user = `user-${++users}`): Connection {
  return { state: "open", user, stalledSince: 1, whenDrained: () => drained } as Connection; // the part that reads look at
}

const read = ({ reads }: Scene, by: Connection | UserReader | typeof APPLICATION, channel: string) =>
  reads.read(by, `group:${channel}`, { limit: 1 });

const times = <Result>(count: number, make: (index: number) => Result): Result[] =>
  Array.from({ length: count }, (_, index) => make(index));

test("a connection has two reads in flight, and its others follow in their order", async () => {
  const at = scene();
  const eve = reader();
  const all = times(32, (index) => read(at, eve, String(index)));
  await eventually("two have begun", () => at.broker.begun.length === 2);

  for (const ended of times(32, (index) => index)) {
    await eventually("the next has begun", () => at.broker.begun.length === Math.min(32, ended + 2));
    expect(at.broker.inFlight).toBeLessThanOrEqual(2);
    at.broker.end();
  }

  await Promise.all(all);
  expect(at.broker.begun).toEqual(times(32, (index) => `group:${index}`));
});

test("all connections of a user have two reads in flight, and one that is stalled delays no other", async () => {
  const at = scene();
  const stalled = Promise.withResolvers<void>();
  const waiting = read(at, reader(stalled.promise, "eve"), "stalled");
  const all = times(5, (index) => read(at, reader(undefined, "eve"), String(index)));
  const bob = read(at, reader(), "bob");
  await eventually("two and bob have begun", () => at.broker.begun.length === 3);
  expect(at.broker.begun.toSorted()).toEqual(["group:0", "group:1", "group:bob"]);

  stalled.resolve();
  for (const ended of times(7, (index) => index)) {
    await eventually("the next has begun", () => at.broker.begun.length >= Math.min(7, ended + 2));
    at.broker.end();
  }
  await Promise.all([...all, bob, waiting]);
});

test("reads of the application for a user count with those of the user's connections, and not with its own", async () => {
  const at = scene();
  const forEve = times(20, () => read(at, new UserReader("eve"), "eve"));
  const own = read(at, reader(undefined, "eve"), "her own");
  const forBob = read(at, new UserReader("bob"), "bob");
  await eventually("two of eve's and bob's have begun", () => at.broker.begun.length === 3);
  expect(at.broker.begun).toEqual(["group:eve", "group:eve", "group:bob"]);

  while (at.broker.begun.length < 22 || at.broker.inFlight > 0) {
    at.broker.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([...forEve, own, forBob]);
});

test("the application reads for a user until the user's time is used up, and delays a few reads then", async () => {
  const at = scene();
  const body = "x".repeat(1_048_576);
  const messages = [{ body }] as unknown as HistoryPage["messages"]; // the part that reads look at
  at.broker.page = { ...EMPTY, messages };
  const codeOf = ({ code }: { code: string }): string => code;
  const results = times(40, () => read(at, new UserReader("eve"), "eve").then(() => "read", codeOf));
  while (at.broker.begun.length < 9 || at.broker.inFlight > 0) {
    if (at.broker.inFlight > 0) at.broker.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Some 8 MiB at once. Of those that waited then the last eight are delayed, and the others refused.
  const settled = await Promise.all(results.slice(0, 32));
  expect(settled.slice(0, 9)).toEqual(times(9, () => "read"));
  expect(settled.at(-1)).toBe("rate_limited");
  expect(new Set(settled)).toEqual(new Set(["read", "rate_limited"]));
});

test("a reader with a long queue delays another reader by its turn only", async () => {
  const at = scene();
  const eves = times(20, () => reader());
  const flood = eves.flatMap((eve) => times(32, () => read(at, eve, "eve")));
  await eventually("the node's places are taken", () => at.broker.inFlight === 16);

  const bob = read(at, reader(), "bob");
  let ends = 0;
  while (!at.broker.begun.includes("group:bob")) {
    at.broker.end();
    ends++;
    await eventually("the place is taken again", () => at.broker.inFlight === 16);
  }

  // Twenty connections with two reads each: sixteen are in flight, and the others stood before bob.
  expect(ends).toBeLessThanOrEqual(2 * 20);
  while (at.broker.begun.length < flood.length + 1 || at.broker.inFlight > 0) {
    at.broker.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([...flood, bob]);
});

test("a connection reads nothing while it has unsent bytes, and takes no place of the node", async () => {
  const at = scene();
  const { promise, resolve } = Promise.withResolvers<void>();
  const stalled = times(40, () => reader(promise)).map((eve) => read(at, eve, "eve"));
  const bob = read(at, reader(), "bob");
  await eventually("bob reads", () => at.broker.inFlight === 1);
  expect(at.broker.begun).toEqual(["group:bob"]);
  at.broker.end();
  await bob;

  resolve();
  for (const _ of stalled) {
    await eventually("the next has begun", () => at.broker.inFlight > 0);
    at.broker.end();
  }
  await Promise.all(stalled);
});

test("a request is refused while a thousand reads wait, and a replay goes on", async () => {
  const at = scene();
  const flood = times(600, () => reader()).flatMap((eve) => times(2, () => read(at, eve, "eve")));
  await eventually("the node's places are taken", () => at.broker.inFlight === 16);
  await eventually("the queue is full", () => {
    try {
      at.reads.assertRoom();
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: "unavailable", retryable: true });
      return true;
    }
  });
  const replay = read(at, reader(), "replay");

  while (at.broker.begun.length < flood.length + 1 || at.broker.inFlight > 0) {
    at.broker.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([...flood, replay]);
  expect(() => at.reads.assertRoom()).not.toThrow();
});

test("the message of an edit is looked up in the turn of its reader, and refused while too many reads wait", async () => {
  const at = scene();
  const edits = new Edits({ reads: at.reads } as ConstructorParameters<typeof Edits>[0]); // `find` uses no other port
  const eve = reader();
  const find = () => edits.find(eve, "group:found", { offset: 1, id: "m1" });
  const earlier = times(2, () => read(at, eve, "eve"));
  const found = expect(find()).rejects.toMatchObject({ code: "not_found" });
  await eventually("the earlier reads have begun", () => at.broker.inFlight === 2);
  expect(at.broker.begun).not.toContain("group:found");
  at.broker.end();
  await eventually("its turn has come", () => at.broker.begun.includes("group:found"));
  for (const _ of times(2, () => 0)) at.broker.end();
  await Promise.all([...earlier, found]);

  const flood = times(600, () => reader()).flatMap((bob) => times(2, () => read(at, bob, "flood")));
  await eventually("the node's places are taken", () => at.broker.inFlight === 16);
  await new Promise((resolve) => setImmediate(resolve)); // by then all others wait
  await expect(find()).rejects.toMatchObject({ code: "unavailable", retryable: true });
  while (at.broker.begun.length < flood.length + 3 || at.broker.inFlight > 0) {
    at.broker.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(flood);
});

test("a read of a connection that has closed is refused before it reaches the store", async () => {
  const at = scene();
  const closed = { state: "closed", stalledSince: 0, pendingBytes: 0 } as Connection; // the part that reads look at

  await expect(read(at, closed, "g")).rejects.toMatchObject({ code: "unavailable" });
  expect(at.broker.begun).toEqual([]);
});
