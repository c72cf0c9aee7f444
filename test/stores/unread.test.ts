import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { TidingsError } from "../../src/client/client.ts";
import { type UnreadStore, unreadStore } from "../../src/stores/stores.ts";
import { FakeClient, message } from "./fake-client.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

const GROUP = "chat:1";

const page = (...groups: [group: string, unread: number, offset: number][]) => ({
  groups: groups.map(([group, unread, offset]) => ({ group, unread, last: { offset } })),
});

/** A message of another user in a conversation. */
const said = (offset: number, group = GROUP) => message(offset, { group, from: "bob" });

/** An event of the chat, which is ephemeral. */
const event = (type: string, data: object, group?: string) => ({
  ...{ type, data, timestamp: 0, id: "event" },
  ...(group !== undefined && { group }),
});

/** Lets what is under way end, and the pause after changes. */
const settle = (ms = 200) => vi.advanceTimersByTimeAsync(ms);

/** A store that somebody watches until the test is over, with one unread message up to offset 5. */
async function ready(fake = new FakeClient()): Promise<{ fake: FakeClient; store: UnreadStore }> {
  const store = unreadStore(fake.client);
  onTestFinished(store.subscribe(() => {}));
  await settle(0);
  fake.requests[0]?.answer(page([GROUP, 1, 5]));
  await settle(0);
  expect(store.get()).toMatchObject({ total: 1, state: "ready" });
  return { fake, store };
}

test.each([
  ["the groups have changed elsewhere", event("chat.changed", { what: "groups" }), 1],
  ["the friends have changed elsewhere", event("chat.changed", { what: "friends" }), 0],
  ["an unread message may be deleted", message(6, { type: "message.deleted", group: GROUP, data: {} }), 1],
  ["a message elsewhere is deleted", message(6, { type: "message.deleted", data: {} }), 0],
  ["the user was removed", event("chat.removed", { group: GROUP, by: "bob" }), 1],
  ["the user has joined", event("chat.joined", { group: "chat:2", users: ["alice"], count: 1 }), 1],
  ["somebody has joined", event("chat.joined", { group: "chat:2", users: ["bob"], count: 1 }), 0],
  ["many have joined", event("chat.joined", { group: "chat:2", users: ["bob"], count: 21 }), 1],
  ["many have joined a known group", event("chat.joined", { group: GROUP, users: [], count: 21 }), 0],
  ["a conversation is new", said(1, "chat:2"), 1],
  ["a group of the application has a message", said(1, "lobby"), 0],
])("%s: the counts are read again, or not", async (_, push, requests) => {
  const { fake } = await ready();
  fake.push(push);
  await settle();
  expect(fake.requests).toHaveLength(requests);
});

test("a group that is gone is counted no more", async () => {
  const { fake, store } = await ready();
  fake.push(event("chat.changed", { what: "groups" }));
  await settle();
  fake.requests[0]?.answer(page());
  await settle(0);
  expect(store.get()).toMatchObject({ total: 0, groups: new Map(), state: "ready" });
});

test("the application has the counts read again", async () => {
  const { fake, store } = await ready();
  const refreshed = store.refresh();
  await settle(0);
  fake.requests[0]?.answer(page());
  await refreshed;
  expect(store.get().groups.size).toBe(0);
});

test("messages that come all the time do not put off the next read", async () => {
  const { fake } = await ready();
  for (let offset = 1; offset <= 4; offset++) {
    fake.push(said(offset, "chat:2"));
    await settle(150);
  }
  expect(fake.requests).toHaveLength(1);
});

test("messages while the counts are read are added once, and others not at all", async () => {
  const { fake, store } = await ready();
  fake.push(said(6));
  void store.refresh();
  fake.push(said(7));
  fake.push(said(8));
  await settle(0);
  fake.requests[0]?.answer(page([GROUP, 3, 7]));
  await settle(0);
  expect(store.get().total).toBe(4);
});

test("one read is under way at a time, and a change meanwhile leads to another one", async () => {
  const { fake, store } = await ready();
  const refreshed = store.refresh();
  await settle(0);
  fake.push(event("chat.read", { user: "alice", offset: 5 }, GROUP));
  expect(store.get().total).toBe(0);
  await settle();
  expect(fake.requests).toHaveLength(1);
  fake.requests[0]?.answer(page([GROUP, 1, 5])); // from before
  await settle(0);
  expect(fake.requests).toHaveLength(1);
  fake.requests[0]?.answer(page([GROUP, 0, 5]));
  await refreshed;
  expect(store.get().total).toBe(0);
  await settle();
  expect(fake.requests).toHaveLength(0);
});

test("a mark is followed by a read, for a message that the reply does not count", async () => {
  const { fake, store } = await ready();
  const marked = store.markRead(GROUP);
  fake.push(said(6));
  fake.requests[0]?.answer({ group: GROUP, unread: 0, offset: 5 });
  await marked;
  expect(store.get().total).toBe(0);
  await settle();
  fake.requests[0]?.answer(page([GROUP, 1, 6]));
  await settle(0);
  expect(store.get().total).toBe(1);
});

test("who writes on another device has read what is before, unless the server says otherwise", async () => {
  const { fake, store } = await ready();
  fake.push(message(6, { group: GROUP, from: "alice" }));
  expect(store.get().total).toBe(0);
  await settle();
  fake.requests[0]?.answer(page([GROUP, 1, 6]));
  await settle(0);
  expect(store.get().total).toBe(1);
});

test("a server without a chat is told, and asked again on the next connection", async () => {
  const fake = new FakeClient();
  const store = unreadStore(fake.client);
  const undo = store.subscribe(() => {});
  await settle(0);
  fake.requests[0]?.refuse(new TidingsError("unknown_action", "no chat"));
  await settle(0);
  expect(store.get()).toMatchObject({ state: "failed", error: { code: "unknown_action" } });
  fake.open();
  await settle();
  expect(fake.requests).toHaveLength(1);
  undo();
  await settle(500);
  expect([fake.requests, fake.listeners]).toEqual([[], 0]);
});
