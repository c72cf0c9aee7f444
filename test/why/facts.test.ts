import { describe, expect, it, test } from "vitest";
import type { StoredMessage } from "../../src/backplane/backplane.ts";
import type { Connection } from "../../src/local/local.ts";
import { type Channel, TidingsError } from "../../src/protocol/protocol.ts";
import { type NodePorts, nodeFacts } from "../../src/why/facts/node.ts";
import { channelsOf, findInHistory } from "../../src/why/facts/shared.ts";
import { FlightRecorder } from "../../src/why/why.ts";

/** How far the clock of Redis is ahead of the clock of this node. */
const AHEAD_MS = 3_600_000;

const RECORDS = 1_024;

const carol = { id: "c2", user: "carol", platform: "web", device: "web", node: "n1", connectedAt: 1 };
const bob = { ...carol, id: "c1", user: "bob" };

const failure = new TidingsError("unavailable", "Redis is away");

const portsOf = (recorder: FlightRecorder): NodePorts => ({
  node: "n1",
  local: { connectionsOf: () => [], eachMember: () => undefined } as unknown as NodePorts["local"], // nobody is connected
  backplane: { now: () => Date.now() + AHEAD_MS },
  recorder,
  isPublisher: () => false,
  refusal: async () => undefined,
});

/** Incidents in an answer about bob and the group team: kind and user of each, with their number. */
async function counted(recorder: FlightRecorder): Promise<Record<string, number>> {
  const { incidents } = await nodeFacts(portsOf(recorder), { user: "bob", channels: ["group:team", "all"] });
  const groups = Object.groupBy(incidents, ({ kind, user }) => `${kind} ${user}`);
  return Object.fromEntries(Object.entries(groups).map(([key, each = []]) => [key, each.length]));
}

describe("what a node tells of incidents", () => {
  it("has those of the user, however many befell others afterwards", async () => {
    let now = 0;
    const recorder = new FlightRecorder(4 * RECORDS, () => now);
    recorder.ended(bob, "lost", "");
    for (; now < 100_000; now += 2_000) {
      recorder.turnedAway("unauthorized", "no token", "::1");
      recorder.failed("all", failure);
    }
    expect(await counted(recorder)).toEqual({
      "ended bob": 1,
      "turned_away undefined": 20,
      "failed undefined": 20,
    });
  });

  it("has those of the groups asked about, however many other groups the user joined afterwards", async () => {
    const recorder = new FlightRecorder(4 * RECORDS, () => 0);
    recorder.moved("joined", bob, "group:team");
    for (let n = 0; n < 50; n++) recorder.moved("joined", bob, `group:${n}`);
    recorder.moved("joined", carol, "group:team");
    expect(await counted(recorder)).toEqual({ "joined bob": 21 });
  });
});

test("a message that others overwrite while a node looks for it counts as forgotten", async () => {
  const recorder = new FlightRecorder(8 * RECORDS, () => 0);
  const deliver = (timestamp: number, channel: Channel): void => {
    const message = { id: `m${timestamp}`, channel, type: "n", body: "null", timestamp };
    recorder.delivered(message, { connections: 1, dropped: 0 });
  };
  deliver(1, "group:team");
  for (let n = 2; n <= 8 * RECORDS; n++) deliver(n, "all");
  const question = { channels: ["group:team"] as const };
  setImmediate(() => deliver(8 * RECORDS + 1, "all"));
  expect(await nodeFacts(portsOf(recorder), question)).toMatchObject({ since: 2, latest: [] });
});

test("the begin of a connection is told by the clock of all nodes, whether it is open or has ended", async () => {
  const recorder = new FlightRecorder(RECORDS, () => Date.now() + AHEAD_MS);
  const connectedAt = Date.now();
  recorder.ended({ ...bob, connectedAt }, "lost", "");
  const open = { ...bob, connectedAt, groups: [], holdOf: () => undefined, stalledSince: 0 };
  const ports = portsOf(recorder);
  const local = { ...ports.local, connectionsOf: () => [open as unknown as Connection] }; // all that is read of it
  const question = { user: "bob", channels: [] };
  const facts = await nodeFacts({ ...ports, local: local as unknown as NodePorts["local"] }, question);
  for (const told of [facts.incidents[0]?.connectedAt, facts.connections[0]?.connectedAt]) {
    // The two clocks are read one after the other.
    expect(Math.abs((told ?? 0) - connectedAt - AHEAD_MS)).toBeLessThan(60_000);
  }
});

test("all channels together are searched for an unknown message, not each of them to the same depth", async () => {
  const asked = new Map<Channel, number>();
  const history = async (channel: Channel, { before = 10_001, limit = 0 }) => {
    asked.set(channel, (asked.get(channel) ?? 0) + limit);
    const offsets = Array.from({ length: limit }, (_, index) => before - limit + index);
    return { messages: offsets.map((offset) => ({ id: `m${offset}`, offset }) as StoredMessage) };
  };
  const groupsOf = async (user: string) =>
    user === "bob" ? Array.from({ length: 20 }, (_, n) => `g${n}`) : [];
  const shared = { broker: { history }, memberships: { groupsOf } } as unknown as Parameters<
    typeof findInHistory
  >[0];
  const searchedFor = async (query: { readonly user?: string; readonly group?: string }) => {
    asked.clear();
    expect(await findInHistory(shared, "m1", await channelsOf(shared, query))).toBeUndefined();
    return [...asked.values()];
  };
  expect(await searchedFor({ group: "team" })).toEqual([2_000]);
  expect(await searchedFor({ user: "alice" })).toEqual([1_000, 1_000]);
  expect(await searchedFor({ user: "bob" })).toEqual(Array(22).fill(200));
});
