import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer, type Peer } from "../../support/peer.ts";
import { RoomList, watchedBy } from "../../support/rooms/rooms.ts";
import { startPrivate } from "../permissions/scene.ts";

const connect = ({ url }: RunningHub, user_id: string): Promise<Peer> => connectPeer(url({ user_id }));

const join = (peer: Peer, data?: unknown) => peer.request("group.join", { group: "g", data });
const leave = (peer: Peer) => peer.request("group.leave", { group: "g" });

const listOf = (peer: Peer): Promise<RoomList> => watchedBy(peer, "g");

const changed = (list: RoomList, count: number) =>
  eventually("the changes have arrived", () => list.names.length >= 0 && list.changes.length >= count);

describe("watching a group", () => {
  it("tells the list first, then each join, update and leave once per user, with the data", async () => {
    const running = await startHub();
    const [alice, tab, bob, eve] = await Promise.all(
      ["alice", "alice", "bob", "eve"].map((user) => connect(running, user)),
    );
    if (!alice || !tab || !bob || !eve) throw new Error("no peers");
    await join(alice, { mood: "good" });
    const list = await listOf(eve);
    expect(list.names).toEqual(["alice"]);
    expect(list.users.get("alice")).toEqual({ mood: "good" });

    await join(tab);
    await join(bob);
    await tab.request("group.update", { group: "g", data: { mood: "better" } });
    await leave(alice);
    await leave(tab);
    await bob.close();
    await changed(list, 4);

    expect(list.names).toEqual([]);
    expect(list.changes).toEqual(["join bob", "update alice", "leave alice", "leave bob"]);
    expect(list.faults).toEqual([]);
    expect(eve.frames.filter(({ event }) => event === "room")).toContainEqual({
      event: "room",
      group: "g",
      count: 2,
      changes: [{ change: "update", user: "alice", data: { mood: "better" } }],
    });
  });

  it("begins the list of an empty group with a frame, and ends with the unwatch", async () => {
    const running = await startHub();
    const [alice, eve] = [await connect(running, "alice"), await connect(running, "eve")];
    const watch = () => eve.request("group.watch", { group: "g" });
    const list = new RoomList(eve, "g");
    expect(await watch()).toMatchObject({ data: { count: 0 } });
    expect(eve.frames).toContainEqual({ event: "room", group: "g", count: 0, reset: true, changes: [] });

    await eve.request("group.unwatch", { group: "g" });
    await join(alice);
    await watch();
    expect(list.names).toEqual(["alice"]);
    expect(list.changes).toEqual([]);
  });

  it("needs the presence of the group, and ends when the right does", async () => {
    const { hub, connect } = await startPrivate();
    const [stranger, seer] = [await connect("eve"), await connect("carol", { presence: ["group:g"] })];
    for (const action of ["group.watch", "group.members", "group.count"]) {
      expect(await stranger.request(action, { group: "g" })).toMatchObject({ error: { code: "forbidden" } });
    }
    const list = await listOf(seer);
    hub.authorize(({ verb }) => verb !== "presence");
    await hub.user("carol").refresh();
    const member = await connect("alice");
    expect(await join(member)).toHaveProperty("data");
    expect(await seer.request("group.watch", { group: "g" })).toMatchObject({ error: { code: "forbidden" } });
    expect(list.names).toEqual([]);
  });

  it("is refused beyond 100 groups of a connection", async () => {
    const eve = await connect(await startHub(), "eve");
    for (let index = 0; index < 100; index++)
      eve.send({ id: index, action: "group.watch", data: { group: `g${index}` } });
    await eve.next(({ id }) => id === 99);
    expect(await eve.request("group.watch", { group: "g" })).toMatchObject({ error: { code: "too_large" } });
    expect(await eve.request("group.watch", { group: "g7" })).toHaveProperty("data");
  });
});

describe("a group with over 500 members", () => {
  it("tells counts and the sum of the changes in at most two frames within a second", async () => {
    const running = await startHub({ websocket: { maxConnectionsPerUser: 0 } });
    const { hub } = running;
    const eve = await connect(running, "eve");
    const peers = await Promise.all(Array.from({ length: 520 }, (_, index) => connect(running, `u${index}`)));
    await Promise.all(peers.map((peer) => join(peer)));
    const list = await listOf(eve);
    await eventually("the list is there", () => list.names.length === 520);
    const before = list.frames;
    const startedAt = performance.now();

    const moving = peers.slice(0, 10);
    for (let round = 1; round <= 20; round++) {
      for (const peer of moving)
        peer.send({ action: "group.update", id: round, data: { group: "g", data: round } });
    }
    await Promise.all(moving.map((peer) => peer.next(({ id }) => id === 20)));
    await Promise.all(moving.slice(0, 5).map(leave));
    await eventually("all changes are told", () => list.names.length === 515 && list.users.get("u9") === 20);

    const seconds = (performance.now() - startedAt) / 1_000;
    expect(list.frames - before).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
    expect(list.changes.length).toBeLessThanOrEqual(10 * (list.frames - before));
    expect(list.count).toBe((await hub.group("g").count()).online);
    expect(list.faults).toEqual([]);
  });
});
