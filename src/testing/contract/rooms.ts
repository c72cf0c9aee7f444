import type { RoomMember, Rooms } from "../../backplane/backplane.ts";
import { type Implementation, type RecordingSink, startCluster, type TestNode, upTo } from "../harness.ts";
import type { Tests } from "../runner.ts";

/** Reads a whole list. @param between called after each page */
async function readAll(
  rooms: Rooms,
  of: "joined" | "durable",
  limit: number,
  between: () => Promise<void> = async () => {},
): Promise<RoomMember[]> {
  const all: RoomMember[] = [];
  for (let after = 0; ; ) {
    const { members } = await rooms.page("g", { of, after, limit });
    all.push(...members);
    if (members.length < limit) return all;
    after = members.at(-1)?.place ?? after;
    await between();
  }
}

const written = (value: unknown) => ({ json: JSON.stringify(value), isDefault: false });
const byDefault = (value: unknown) => ({ json: JSON.stringify(value), isDefault: true });

const dataOf = async ({ rooms }: TestNode): Promise<Record<string, string | undefined>> =>
  Object.fromEntries((await readAll(rooms, "joined", 10)).map(({ user, data }) => [user, data]));

/** Changes as they arrived, without their numbers. */
const changesIn = ({ rooms }: RecordingSink): (string | undefined)[][] =>
  rooms.map(({ user, change, data }) => [change, user, ...(data === undefined ? [] : [data])]);

/** True when each change names the one before it. */
const isChain = ({ rooms }: RecordingSink): boolean =>
  rooms.every(({ before }, index) => index === 0 || before === rooms[index - 1]?.revision);

export function roomsContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a user is a member once, with the data of the last write", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    await node.routes.join("g", "alice", written({ mood: "good" }));
    await node.routes.join("g", "alice", written({ mood: "better" }));
    await node.routes.join("g", "alice");
    await node.routes.join("g", "bob");
    expect(await dataOf(node)).toEqual({ alice: '{"mood":"better"}', bob: undefined });

    expect(await node.rooms.setData("g", "alice", "[1]")).toBe(true);
    expect(await node.rooms.setData("g", "bob", '"ü"')).toBe(true);
    expect(await node.rooms.setData("g", "carol", "1")).toBe(false);
    expect(await dataOf(node)).toEqual({ alice: "[1]", bob: '"ü"' });
  });

  test("data that come by default give way to those that the user has, and end with the leave", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    await node.routes.join("g", "alice", byDefault("token"));
    await node.routes.join("g", "alice", byDefault("other"));
    expect(await dataOf(node)).toEqual({ alice: '"token"' });

    await node.rooms.setData("g", "alice", '"own"');
    await node.routes.join("g", "alice", byDefault("token"));
    expect(await dataOf(node)).toEqual({ alice: '"own"' });

    await node.routes.leave("g", "alice");
    await node.routes.join("g", "alice");
    expect(await dataOf(node)).toEqual({ alice: undefined });
  });

  test("pages list each member once, and every page has the counts", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const users = upTo(20).map((number) => `u${number}`);
    for (const user of users) await node.routes.join("g", user);
    for (const user of users.slice(0, 5)) await node.memberships.add("g", user);
    await node.memberships.add("g", "absent");

    for (const limit of [1, 7, 20, 50]) {
      expect((await readAll(node.rooms, "joined", limit)).map(({ user }) => user)).toEqual(users);
    }
    const durable = await readAll(node.rooms, "durable", 4);
    expect(durable.map(({ user }) => user)).toEqual([...users.slice(0, 5), "absent"]);
    expect(durable.map(({ joinedAt }) => joinedAt !== undefined)).toEqual([
      ...users.slice(0, 5).map(() => true),
      false,
    ]);
    const counts = await node.rooms.page("g", { of: "joined", after: 0, limit: 0 });
    expect(counts).toMatchObject({ joined: 20, durable: 6, members: [] });
    expect(await node.rooms.page("none", { of: "joined", after: 0, limit: 5 })).toMatchObject({
      joined: 0,
      durable: 0,
      members: [],
    });
  });

  test("a member who stays is listed once while others come, go and change between pages", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const staying = upTo(20).map((number) => `staying-${number}`);
    const leaving = upTo(20).map((number) => `leaving-${number}`);
    for (const [index, user] of leaving.entries()) {
      await node.routes.join("g", user);
      await node.routes.join("g", staying[index] ?? "");
    }

    const seen = await readAll(node.rooms, "joined", 5, async () => {
      for (const user of leaving.splice(0, 5)) await node.routes.leave("g", user);
      await node.routes.join("g", `new-${leaving.length}`);
      for (const user of staying) await node.rooms.setData("g", user, String(leaving.length));
    });

    expect(seen.map(({ user }) => user).filter((user) => user.startsWith("staying"))).toEqual(staying);
  });

  test("a node that watches a group hears each change once, in order, and no others", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    await node.routes.join("g", "before");
    await node.rooms.watch("g");
    const { revision } = await node.rooms.page("g", { of: "joined", after: 0, limit: 5 });
    await node.routes.join("g", "alice", written(1));
    await node.routes.join("g", "alice", written(1));
    await node.routes.join("elsewhere", "alice");
    await node.rooms.setData("g", "alice", "2");
    await node.rooms.setData("g", "alice", "2");
    await node.routes.leave("g", "alice");
    await node.routes.leave("g", "alice");
    await node.routes.leave("g", "before");

    const expected = [
      ["join", "alice", "1"],
      ["update", "alice", "2"],
      ["leave", "alice"],
      ["leave", "before"],
    ];
    await node.sink.until(() => node.sink.rooms.length >= expected.length);
    expect(changesIn(node.sink)).toEqual(expected);
    expect(node.sink.rooms[0]?.before).toBe(revision);
    expect(isChain(node.sink)).toBe(true);

    await node.rooms.unwatch("g");
    await node.routes.join("g", "bob");
    await node.rooms.watch("other");
    await node.routes.join("other", "bob");
    await node.sink.until(() => node.sink.rooms.length > expected.length);
    expect(changesIn(node.sink).slice(expected.length)).toEqual([["join", "bob"]]);
    expect(node.sink.rooms.at(-1)?.group).toBe("other");
  });

  test("a group is occupied with its first user, and vacated with the last one", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    await node.routes.join("g", "alice");
    await node.routes.join("g", "bob");
    await node.routes.leave("g", "alice");
    await node.routes.leave("g", "bob");

    expect(node.sink.occupancy).toEqual([
      { group: "g", isOccupied: true },
      { group: "g", isOccupied: false },
    ]);
  });

  if (implementation.nodes > 1)
    test("a user on two nodes joins once and leaves with the last connection", async () => {
      await using cluster = await startCluster(implementation, {}, 2);
      const { node, other } = cluster;
      await node.rooms.watch("g");
      await other.rooms.watch("g");
      await node.routes.join("g", "alice", written("first"));
      await other.routes.join("g", "alice", written("second"));
      await node.routes.leave("g", "alice");
      await other.routes.leave("g", "alice");

      const expected = [
        ["join", "alice", '"first"'],
        ["update", "alice", '"second"'],
        ["leave", "alice"],
      ];
      for (const { sink } of [node, other]) {
        await sink.until(() => sink.rooms.length >= expected.length);
        expect(changesIn(sink)).toEqual(expected);
        expect(isChain(sink)).toBe(true);
      }
      expect(node.sink.occupancy).toEqual([{ group: "g", isOccupied: true }]);
      expect(other.sink.occupancy).toEqual([{ group: "g", isOccupied: false }]);
    });
}
