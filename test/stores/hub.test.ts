import { expect, onTestFinished, test, vi } from "vitest";
import { createChat } from "../../src/chat/chat.ts";
import type { ConnectOptions } from "../../src/client/client.ts";
import { connect } from "../../src/client/client.ts";
import { jwt } from "../../src/index.ts";
import {
  messagesStore,
  presenceStore,
  requestStore,
  roomStore,
  type Store,
  sendingStore,
  statusStore,
  toReadable,
  unreadStore,
} from "../../src/stores/stores.ts";
import { QUICK } from "../client/harness.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";

const SECRET = "a secret of the tests, 32 bytes!";

/** A client that is closed after the test. */
function connected(url: string, options: ConnectOptions = {}) {
  const client = connect(url, { reconnect: QUICK, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** Watches a store until the test is over. */
function watched<Watched extends Store<unknown>>(store: Watched): Watched {
  onTestFinished(store.subscribe(() => {}));
  return store;
}

test("a client that reconnects in the middle of paging has every message once", async () => {
  const { hub, url } = await startHub();
  for (let index = 1; index <= 25; index++) await hub.group("g").send({ type: "chat", data: index });
  const client = connected(url(), { user: "alice" });
  const store = watched(messagesStore(client, "group:g", { join: true, pageSize: 5 }));
  await eventually("the newest page is there", () => store.get().state === "ready");
  const data = (): unknown[] => store.get().messages.map((message) => message.data);
  expect(data()).toEqual([21, 22, 23, 24, 25]);
  const first = store.loadOlder();
  client.pause();
  await hub.group("g").send({ type: "chat", data: 26 });
  client.resume();
  await first;
  const second = store.loadOlder();
  client.disconnect(); // rejects what is under way
  await hub.group("g").send({ type: "chat", data: 27 });
  client.connect();
  await second;
  while (store.get().hasOlder) await store.loadOlder();
  await eventually("the missed messages are there", () => data().at(-1) === 27);
  expect(data()).toEqual(Array.from({ length: 27 }, (_, index) => index + 1));
  expect(store.get().error).toBeUndefined();
});

test("a client that was away too long has a new list without a hole, and is told", async () => {
  const { hub, url } = await startHub({ history: { count: 2 } });
  const say = async (...data: number[]): Promise<void> => {
    for (const each of data) await hub.group("g").send({ type: "chat", data: each });
  };
  await say(1, 2);
  const client = connected(url(), { user: "alice" });
  const store = watched(messagesStore(client, "group:g", { join: true }));
  await eventually("the newest page is there", () => store.get().messages.length === 2);
  client.pause();
  await say(3, 4, 5, 6);
  client.resume();
  await eventually("the list is new", () => store.get().messages[0]?.data === 5);
  await say(7);
  await eventually("the next message is there", () => store.get().messages.length === 3);
  expect(store.get().messages.map(({ data }) => data)).toEqual([5, 6, 7]);
  expect(store.get()).toMatchObject({ losses: 1, state: "ready" });
});

test("edits and deletions of the hub are in the list", async () => {
  const { hub, url } = await startHub();
  const client = connected(url(), { user: "alice" });
  const store = watched(messagesStore(client, "user:alice"));
  await eventually("the list is ready", () => store.get().state === "ready");
  const [one, two] = await Promise.all(
    ["one", "two"].map((data) => hub.user("alice").send({ type: "chat", data })),
  );
  await hub.edit("user:alice", { id: one?.id ?? "", offset: one?.offset ?? 0, data: "edited" });
  await hub.delete("user:alice", { id: two?.id ?? "", offset: two?.offset ?? 0 });
  await eventually("the changes are there", () => store.get().messages[1]?.deletedAt);
  expect(store.get().messages.map(({ data }) => data)).toEqual(["edited", null]);
});

test("the status follows a client from its first attempt to its end", async () => {
  const { url } = await startHub();
  const client = connected(url(), { user: "alice" });
  const store = statusStore(client);
  const seen: string[] = [];
  onTestFinished(store.subscribe(() => seen.push(store.get().state)));
  await eventually("the client is open", () => store.get().state === "open");
  expect(store.get()).toMatchObject({ user: "alice", attempt: 0, error: undefined });
  const before = store.get();
  client.on("chat", () => {});
  expect(store.get()).toBe(before);
  client.pause();
  client.resume();
  await eventually("the client is open again", () => store.get().state === "open");
  await client.close();
  expect(seen).toEqual(["connecting", "open", "paused", "connecting", "open", "closed"]);
});

test("a message that is sent goes from queued to acknowledged", async () => {
  const { url } = await startHub();
  const alice = connected(url(), { user: "alice" });
  const bob = connected(url(), { user: "bob" });
  await Promise.all([alice.ready, bob.ready]);
  bob.on("chat", () => {});
  alice.pause();
  const store = watched(sendingStore(alice));
  const states: string[] = [];
  onTestFinished(store.subscribe(() => states.push(store.get()[0]?.state ?? "none")));
  const receipt = store.send({ type: "chat", to: "bob", data: "Hello", ack: true });
  expect(store.get()).toMatchObject([{ state: "queued", message: { data: "Hello" } }]);
  alice.resume();
  expect((await receipt).state).toBe("acked");
  expect(states).toEqual(["queued", "sent", "acknowledged"]);
  await store.send({ type: "chat", to: "bob", data: 1 });
  expect(store.get()[1]).toMatchObject({ state: "delivered" });
  await store.send({ type: "chat", to: "carol", data: 1 });
  expect(store.get()[2]).toMatchObject({ state: "stored" });
  expect(sendingStore(alice)).toBe(store);
});

test("an acknowledgement that comes late is shown, and a message that failed can be sent again", async () => {
  const { hub, url } = await startHub();
  const alice = connected(url(), { user: "alice" });
  const bob = connected(url(), { user: "bob", autoAck: false });
  await Promise.all([alice.ready, bob.ready]);
  const received = new Promise<{ offset?: number; to?: string }>((resolve) => bob.on("chat", resolve));
  const store = watched(sendingStore(alice));
  await store.send({ type: "chat", to: "bob", data: 1, ack: true, timeoutMs: 1 });
  expect(store.get()[0]?.state).toBe("stored");
  bob.ack({ to: "bob", ...(await received) });
  await eventually("it is acknowledged", () => store.get()[0]?.state === "acknowledged");

  hub.authorize(({ verb }) => verb !== "send");
  await expect(store.send({ type: "chat", to: "bob", data: 2 })).rejects.toMatchObject({ code: "forbidden" });
  const { key = "", ...failed } = store.get()[1] ?? {};
  expect(failed).toMatchObject({ state: "failed", error: { code: "forbidden" } });
  hub.authorize(() => true);
  await store.retry(key);
  expect(store.get().map(({ state }) => state)).toEqual(["acknowledged", "delivered"]);
  store.discard(key);
  expect(store.get()).toHaveLength(1);
  await expect(store.retry(key)).rejects.toThrow("no message has the key");
});

test("a room has its members with their data, and a join with data survives one without", async () => {
  const { hub, url } = await startHub();
  const alice = connected(url(), { user: "alice" });
  const bob = connected(url(), { user: "bob" });
  const store = watched(roomStore(alice, "g", { join: true, data: { mood: "good" } }));
  watched(messagesStore(alice, "group:g", { join: true }));
  await eventually("alice is there", () => store.get().members.has("alice"));
  await bob.join("g", { data: 1 });
  await eventually("bob is there", () => store.get().count === 2);
  expect([...store.get().members]).toEqual([
    ["alice", { mood: "good" }],
    ["bob", 1],
  ]);
  const before = store.get();
  await store.update({ mood: "better" });
  await eventually("the data has changed", () => store.get() !== before);
  expect(before.members.get("alice")).toEqual({ mood: "good" });
  expect(store.get().members.get("alice")).toEqual({ mood: "better" });
  alice.pause();
  alice.resume();
  await eventually("the data is there again", async () => {
    const { members } = await hub.group("g").members();
    return members.some(({ user, data }) => user === "alice" && JSON.stringify(data)?.includes("better"));
  });
});

test("a group that may not be watched says so", async () => {
  const { hub, url } = await startHub();
  hub.authorize(({ verb }) => verb !== "presence");
  const client = connected(url(), { user: "alice" });
  const store = watched(roomStore(client, "g"));
  await eventually("the store tells", () => store.get().state === "failed");
  expect(store.get().error).toMatchObject({ code: "forbidden" });
});

test("presence has who is online of the users that are watched", async () => {
  const { url } = await startHub({ presence: { graceMs: 1 } });
  const alice = connected(url(), { user: "alice" });
  const bob = connected(url(), { user: "bob" });
  await bob.ready;
  const store = watched(presenceStore(alice, ["carol", "bob"]));
  expect(presenceStore(alice, ["bob", "carol", "bob"])).toBe(store);
  await eventually("the list is there", () => store.get().state === "ready");
  expect([...store.get().online]).toEqual(["bob"]);
  connected(url(), { user: "carol" });
  connected(url(), { user: "eve" });
  await eventually("carol is online", () => store.get().online.has("carol"));
  await bob.close();
  await eventually("bob is offline", () => !store.get().online.has("bob"));
  expect([...store.get().online]).toEqual(["carol"]);
});

test("a request is made once for all who ask for the same, and again on demand", async () => {
  const { hub, url } = await startHub();
  const asked = vi.fn(() => asked.mock.calls.length);
  hub.action("test.count", asked);
  const client = connected(url(), { user: "alice" });
  const store = watched(requestStore<number>(client, "test.count", { of: "x" }));
  watched(requestStore<number>(client, "test.count", { of: "x" }));
  await eventually("the reply is there", () => store.get().state === "ready");
  expect(store.get().data).toBe(1);
  const refreshed = store.refresh();
  expect(store.get()).toMatchObject({ data: 1, state: "loading" });
  await refreshed;
  expect(store.get()).toEqual({ data: 2, state: "ready", error: undefined });
  const unknown = watched(requestStore(client, "test.nothing"));
  await eventually("the error is there", () => unknown.get().state === "failed");
  expect(unknown.get().error).toMatchObject({ code: "unknown_action" });
});

test("unread messages are counted as they come, and go when they are read on any device", async () => {
  const running = await startHub({ auth: jwt({ secret: SECRET }) });
  const chat = createChat({ hub: running.hub, direct: "anyone" });
  await chat.ready;
  onTestFinished(() => chat.close());
  const log = async (user: string, device: string) =>
    connected(running.url(), { token: await running.hub.token({ user }), device });
  const [alice, phone, bob] = [await log("alice", "a"), await log("alice", "b"), await log("bob", "a")];
  await bob.request("chat.profile", {});
  await alice.request("chat.profile", {});
  const store = watched(unreadStore(alice));
  await eventually("the counts are there", () => store.get().state === "ready");
  expect(store.get().total).toBe(0);
  const { group } = await bob.request<{ group: string }>("chat.send", { to: "alice", text: "1" });
  await eventually("a new conversation is there", () => store.get().groups.get(group) === 1);
  await bob.request("chat.send", { to: "alice", text: "2" });
  await eventually("it has two", () => store.get().total === 2);
  await phone.request("chat.read", { group });
  await eventually("it is read", () => store.get().total === 0);
  await bob.request("chat.send", { to: "alice", text: "3" });
  await eventually("it has one", () => store.get().total === 1);
  await store.markRead(group);
  expect(store.get().total).toBe(0);
  const crew = await bob.request<{ group: string }>("chat.create", { name: "Crew", open: true });
  await alice.request("chat.join", { group: crew.group });
  await bob.request("chat.send", { group: crew.group, text: "4" });
  await eventually("the group has one", () => store.get().groups.get(crew.group) === 1);
  await alice.request("chat.leave", { group: crew.group });
  await eventually("the group that was left is gone", () => !store.get().groups.has(crew.group));
  expect(store.get().total).toBe(0);
});

test("a store of Svelte calls its subscriber at once, and after each change", async () => {
  const { url } = await startHub();
  const client = connected(url(), { user: "alice" });
  const seen: string[] = [];
  const undo = toReadable(statusStore(client)).subscribe(({ state }) => seen.push(state));
  expect(seen).toEqual(["waiting"]);
  await eventually("the client is open", () => seen.at(-1) === "open");
  undo();
  await client.close();
  expect(seen.at(-1)).toBe("open");
});
