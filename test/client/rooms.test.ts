import { expect, test } from "vitest";
import { watchRoom } from "../../src/client/rooms.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { FakeServer } from "./fake-server.ts";
import { Observed } from "./harness.ts";

test("a watched room has its list, its changes, and a new list after a reconnect", async () => {
  const { hub, url } = await startHub();
  await using alice = new Observed(url(), { user: "alice" });
  await using bob = new Observed(url(), { user: "bob" });
  await alice.client.join("g", { data: { mood: "good" } });
  const seen: [string[], string[]][] = [];
  const undo = watchRoom(bob.client, "g", {
    changed: (members, changes) => {
      seen.push([[...members.keys()], changes.map(({ change, user }) => `${change} ${user}`)]);
    },
  });
  await eventually("the list is there", () => seen.length > 0);
  expect(seen.shift()).toEqual([["alice"], ["join alice"]]);

  await alice.client.join("g", { data: { mood: "better" } });
  await eventually("the change is there", () => seen.length > 0);
  expect(seen.shift()).toEqual([["alice"], ["update alice"]]);
  expect(await alice.client.members("g", { limit: 1 })).toMatchObject({
    members: [{ user: "alice", data: { mood: "better" } }],
    online: 1,
  });

  bob.client.disconnect();
  await alice.client.leave("g");
  bob.client.connect();
  await eventually("the list is there again", () => seen.length > 0);
  expect(seen.at(-1)?.[0]).toEqual([]);

  undo();
  await bob.client.request("robot.heartBeat");
  const told = seen.length;
  const peer = await connectPeer(url({ user_id: "eve" }));
  await peer.request("group.join", { group: "g" });
  expect((await hub.group("g").count()).online).toBe(1);
  await bob.client.request("robot.heartBeat");
  expect(seen.length).toBe(told);
});

test("two watches of a room end one by one, and a refusal is told", async () => {
  const { hub, url } = await startHub();
  await using bob = new Observed(url(), { user: "bob" });
  const told = [0, 0];
  const undo = told.map((_, index) =>
    watchRoom(bob.client, "g", {
      changed: () => {
        told[index] = (told[index] ?? 0) + 1;
      },
    }),
  );
  await eventually("both have the list", () => told.every((count) => count > 0));
  undo[0]?.();
  const peer = await connectPeer(url({ user_id: "eve" }));
  await peer.request("group.join", { group: "g" });
  await eventually("the other one is told", () => (told[1] ?? 0) > 1);

  hub.authorize(() => false);
  const refused = new Promise((resolve) => {
    watchRoom(bob.client, "secret", { changed: () => undefined, failed: resolve });
  });
  expect(await refused).toMatchObject({ code: "forbidden" });
});

test("the data of a joined group come again with each connection", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  const joined = alice.client.join("g", { data: 1 });
  const join = await first.next();
  expect(join.data).toEqual({ group: "g", data: 1 });
  first.position("group:g", { epoch: "e", offset: 0 });
  first.reply(join, {});
  await joined;
  first.cut();
  const second = await server.accept();
  const login = await second.next();
  second.welcome();
  second.position("group:g", { epoch: "e", offset: 0 });
  second.reply(login, {});
  expect(await second.next()).toMatchObject({ action: "group.join", data: { group: "g", data: 1 } });
});
