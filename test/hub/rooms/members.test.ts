import { describe, expect, it } from "vitest";
import type { GroupMember, Hub, MembersPage } from "../../../src/index.ts";
import { startHub } from "../../support/hub.ts";
import { SECRET } from "../../support/keys.ts";
import { connectPeer, type Peer } from "../../support/peer.ts";

type Rooms = Hub<Record<string, unknown>>;

const KIB = "x".repeat(1_022);

const membersOf = async (hub: Rooms): Promise<readonly GroupMember[]> =>
  (await hub.group("g").members()).members;

async function joined(user_id: string): Promise<{ hub: Rooms; peer: Peer }> {
  const { hub, url } = await startHub();
  const peer = await connectPeer(url({ user_id }));
  return { hub, peer };
}

describe("data of a member", () => {
  it("come with the join, are changed by the user and the application, and end with the leave", async () => {
    const { hub, peer } = await joined("alice");
    await peer.request("group.join", { group: "g", data: { mood: "good" } });
    const alice = { user: "alice", online: true, durable: false };
    expect(await membersOf(hub)).toEqual([{ ...alice, data: { mood: "good" } }]);
    expect(await peer.request("group.update", { group: "g", data: null })).toMatchObject({ data: {} });
    expect(await membersOf(hub)).toEqual([{ ...alice, data: null }]);
    expect(await hub.group("g").setData("alice", [1])).toBe(true);
    expect(await hub.group("g").setData("bob", [1])).toBe(false);
    expect(await membersOf(hub)).toEqual([{ ...alice, data: [1] }]);

    await peer.request("group.leave", { group: "g" });
    expect(await membersOf(hub)).toEqual([]);
    await peer.request("group.join", { group: "g" });
    expect(await membersOf(hub)).toEqual([alice]);
  });

  it("are at most 1 KiB of JSON, of a group that the connection has joined", async () => {
    const { hub, peer } = await joined("alice");
    const tooLarge = { error: { code: "too_large", message: "data: expected at most 1,024 bytes of JSON" } };
    expect(await peer.request("group.join", { group: "g", data: `${KIB}x` })).toMatchObject(tooLarge);
    expect(await membersOf(hub)).toEqual([]);
    expect(await peer.request("group.update", { group: "g", data: 1 })).toMatchObject({
      error: { code: "forbidden", message: "data: join the group first" },
    });
    expect(await peer.request("group.join", { group: "g", data: KIB })).toHaveProperty("data");
    expect(await peer.request("group.update", { group: "g", data: `ü${KIB.slice(1)}` })).toMatchObject(
      tooLarge,
    );
    expect(await peer.request("group.update", { group: "g" })).toMatchObject({
      error: { code: "bad_request" },
    });
    await expect(hub.group("g").setData("alice", `${KIB}x`)).rejects.toMatchObject({ code: "too_large" });
    await expect(hub.group("g").setData("alice", undefined)).rejects.toMatchObject({ code: "bad_request" });
    expect((await membersOf(hub))[0]?.data).toBe(KIB);
  });

  it("are by default the claim info of the token, and a token with more than 1 KiB is refused", async () => {
    const { hub, url } = await startHub({ jwt: { secret: SECRET }, policy: { join: "anyone" } });
    const token = await hub.token({ user: "alice", info: { name: "Alice" } });
    const peer = await connectPeer(url({ token }));
    await peer.request("group.join", { group: "g" });
    expect((await membersOf(hub))[0]?.data).toEqual({ name: "Alice" });
    await peer.request("group.join", { group: "g", data: "own" });
    const tab = await connectPeer(url({ token }));
    await tab.request("group.join", { group: "g" });
    expect((await membersOf(hub))[0]?.data).toBe("own");
    await expect(hub.token({ user: "alice", info: `${KIB}x` })).rejects.toMatchObject({ code: "too_large" });
  });
});

describe("pages of members", () => {
  async function pagesOf(hub: Rooms, limit: number): Promise<MembersPage[]> {
    const pages: MembersPage[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await hub.group("g").members({ limit, cursor });
      pages.push(page);
      cursor = page.cursor;
      if (cursor === undefined) return pages;
    }
  }

  it("list everyone once, those online first, with the counts of all", async () => {
    const { hub, url } = await startHub();
    const online = ["a", "b", "c", "d", "e"];
    for (const user_id of online) {
      const peer = await connectPeer(url({ user_id }));
      await peer.request("group.join", { group: "g" });
    }
    for (const user of ["b", "x", "y", "d", "z"]) await hub.group("g").add(user);

    for (const limit of [1, 2, 3, 5, 8, 100]) {
      const pages = await pagesOf(hub, limit);
      expect(pages.flatMap(({ members }) => members.map(({ user }) => user))).toEqual([
        ...online,
        "x",
        "y",
        "z",
      ]);
      expect(pages.every((page) => page.online === 5 && page.durable === 5)).toBe(true);
      expect(pages.every(({ members }) => members.length <= limit)).toBe(true);
    }
    expect(await hub.group("g").count()).toEqual({ online: 5, durable: 5 });
  });

  it("refuse a limit and a cursor that they do not know", async () => {
    const { hub, peer } = await joined("alice");
    for (const page of [{ limit: 0 }, { limit: 1_001 }, { limit: 1.5 }, { cursor: "x" }, { cursor: "j-1" }]) {
      await expect(hub.group("g").members(page)).rejects.toMatchObject({ code: "bad_request" });
      expect(await peer.request("group.members", { group: "g", ...page })).toMatchObject({
        error: { code: "bad_request" },
      });
    }
    expect(await peer.request("group.count", { group: "g" })).toMatchObject({
      data: { online: 0, durable: 0 },
    });
  });
});

describe("the hooks occupied and vacated", () => {
  it("come with the first and the last user of a group", async () => {
    const { hub, url } = await startHub();
    const events: string[] = [];
    hub.on("occupied", ({ group }) => events.push(`occupied ${group}`));
    hub.on("vacated", ({ group }) => events.push(`vacated ${group}`));
    const [one, other] = [await connectPeer(url({ user_id: "a" })), await connectPeer(url({ user_id: "b" }))];
    await one.request("group.join", { group: "g" });
    await other.request("group.join", { group: "g" });
    await one.request("group.leave", { group: "g" });
    expect(events).toEqual(["occupied g"]);
    await other.request("group.leave", { group: "g" });
    expect(events).toEqual(["occupied g", "vacated g"]);
  });
});
