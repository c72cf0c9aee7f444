import { expect, onTestFinished, test } from "vitest";
import { TidingsError } from "../../src/client/client.ts";
import { presenceStore, type WatchedUsers } from "../../src/stores/stores.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClient } from "./fake-client.ts";

const asks = (fake: FakeClient) => eventually("the store asks", () => fake.watches[0]);

/** A store that somebody watches until the test is over. Alice and bob are online. */
async function ready(fake: FakeClient, users: WatchedUsers) {
  const store = presenceStore(fake.client, users);
  const undo = store.subscribe(() => {});
  onTestFinished(undo);
  (await asks(fake)).answer("alice", "bob");
  await eventually("the store is ready", () => store.get().state === "ready");
  return { undo, online: () => [...store.get().online], state: () => store.get().state };
}

test("users who have left while the client was away are gone from the set of all", async () => {
  const fake = new FakeClient();
  const { online, undo } = await ready(fake, "all");
  fake.open();
  const again = await asks(fake);
  expect(online(), "until the reply is there").toEqual(["alice", "bob"]);
  fake.present({ user: "carol", online: true });
  fake.present({ user: "dave", online: true });
  expect(online()).toContain("carol");
  fake.present({ user: "dave", online: false });
  again.answer("bob", "dave");
  await eventually("the set is new", () => !online().includes("alice"));
  expect(online(), "what was told since is newer than the reply").toEqual(["bob", "carol"]);
  expect(fake.watching).toBe(1);
  undo();
  await eventually("the watch has ended", () => fake.watching === 0);
});

test("a request of all without a reply is left to the client, and one that failed is made again", async () => {
  const fake = new FakeClient();
  const { state, online } = await ready(fake, "all");
  fake.open();
  const again = await asks(fake);
  fake.open();
  expect(fake.watches).toHaveLength(1);
  again.refuse(new TidingsError("forbidden", "no"));
  await eventually("the store tells", () => state() === "failed");
  fake.open();
  const last = await asks(fake);
  fake.present({ user: "carol", online: true });
  fake.open();
  last.answer("bob");
  await eventually("the store is ready again", () => state() === "ready");
  expect(online(), "an event of the connection before is older than the reply").toEqual(["bob"]);
});

test("the client itself tells which of some users have come and gone meanwhile", async () => {
  const fake = new FakeClient();
  const { online } = await ready(fake, ["alice", "bob"]);
  fake.open();
  fake.present({ user: "alice", online: false });
  fake.present({ user: "carol", online: true });
  expect(online()).toEqual(["bob"]);
  expect(fake.watches).toEqual([]);
});
