import { describe, expect, it } from "vitest";
import type { ConnectionInfo } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";

describe("calls of a hub", () => {
  it("join one connection to a group, and make it leave", async () => {
    const { hub, url } = await startHub();
    const connections: ConnectionInfo[] = [];
    hub.on("connect", ({ connection }) => connections.push(connection));
    const [phone, tab] = [
      await connectPeer(url({ user_id: "bob", platform: "ios" })),
      await connectPeer(url({ user_id: "bob" })),
    ];
    const [first] = connections;
    if (first === undefined) throw new Error("no connection");
    const group = hub.group("g1");
    expect(await group.join(first)).toBe(true);
    await group.send({ type: "n", data: 1 });
    await phone.frame("n");
    await tab.caughtUp();
    expect(tab.messages).toEqual([]);
    expect((await group.members()).members).toEqual([{ user: "bob", online: true, durable: false }]);
    expect(await group.leave(first)).toBe(true);
    expect((await group.members()).members).toEqual([]);
    await phone.close();
    await eventually(
      "the connection has left",
      async () => (await hub.user("bob").connections()).length === 1,
    );
    expect(await group.join(first)).toBe(false);
  });

  it("tell whether a user is online, and to which groups he belongs", async () => {
    const { hub, url } = await startHub({ presence: { graceMs: 0 } });
    const bob = hub.user("bob");
    expect(await bob.isOnline()).toBe(false);
    const peer = await connectPeer(url({ user_id: "bob" }));
    expect(await bob.isOnline()).toBe(true);
    await hub.group("b").add("bob");
    await hub.group("a").add("bob");
    expect(await bob.groups()).toEqual(["a", "b"]);
    await peer.close();
    await eventually("he is offline", async () => !(await bob.isOnline()));
    expect(await bob.groups()).toEqual(["a", "b"]);
  });

  it("register an action without a schema, which gets the data as it came", async () => {
    const { hub, url } = await startHub();
    hub.action("shop.open", () => "open").action("shop.echo", (_context, data) => data);
    const peer = await connectPeer(url({ user_id: "bob" }));
    expect(await peer.request("shop.open")).toMatchObject({ data: "open" });
    expect(await peer.request("shop.echo", { a: [1] })).toMatchObject({ data: { a: [1] } });
    expect(() => hub.action("shop.close", undefined as never)).toThrow(/action shop.close: expected a/);
  });

  it("listen once", async () => {
    const { hub, url } = await startHub();
    const users: string[] = [];
    hub.once("connect", ({ connection }) => users.push(connection.user));
    const undo = hub.once("connect", () => users.push("never"));
    undo();
    for (const user_id of ["a", "b"]) await connectPeer(url({ user_id }));
    expect(users).toEqual(["a"]);
  });
});

it("leaving a durable group tells that the next login joins it again", async () => {
  const { hub, url } = await startHub();
  await hub.group("g1").add("bob");
  const peer = await connectPeer(url({ user_id: "bob" }));
  await peer.request("group.join", { group: "g2" });
  expect(await peer.request("group.leave", { group: "g1" })).toMatchObject({
    data: { channel: "group:g1", durable: true },
  });
  expect((await peer.request("group.leave", { group: "g2" })).data).toEqual({ channel: "group:g2" });
});
