import { setImmediate } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { TidingsError } from "../../src/client/client.ts";
import { type MessagesOptions, type MessagesStore, messagesStore } from "../../src/stores/stores.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClient, message, messages, notice } from "./fake-client.ts";

/** A store of group g that somebody watches until the test is over. */
function watched(fake: FakeClient, options?: MessagesOptions): MessagesStore {
  const store = messagesStore(fake.client, "group:g", options);
  onTestFinished(store.subscribe(() => {}));
  return store;
}

/** The texts of the list. */
const texts = (store: MessagesStore): unknown[] => store.get().messages.map(({ data }) => data);

/** m3 to m5, for instance. */
const range = (first: number, last: number): unknown[] => messages(first, last).map(({ data }) => data);

const isReady = (store: MessagesStore) =>
  eventually("the list is ready", () => store.get().state === "ready");

async function ready(fake: FakeClient, first: number, last: number, options?: MessagesOptions) {
  const store = watched(fake, options);
  const asked = await fake.asks();
  asked.answer(messages(first, last), { more: first > 1 });
  await isReady(store);
  return store;
}

test("what arrives before, with and after the newest page is one list without repeats", async () => {
  const fake = new FakeClient();
  const store = watched(fake);
  const asked = await fake.asks();
  for (const offset of [4, 5, 6]) fake.push(message(offset));
  expect(store.get()).toMatchObject({ messages: [], state: "loading" });
  asked.answer(messages(3, 5), { more: true });
  await isReady(store);
  expect(texts(store)).toEqual(range(3, 6));
  for (const offset of [6, 5, 9, 8, 7, 9]) fake.push(message(offset));
  expect(texts(store)).toEqual(range(3, 9));
  fake.push(message(2));
  expect(texts(store), "what is older is left to an older page").toEqual(range(3, 9));
});

test("messages of other channels and ephemeral ones are not in the list", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 1, 1);
  fake.push({ ...message(2), group: "h" });
  fake.push({ type: "chat", data: 0, timestamp: 0, id: "x", to: "alice", offset: 2 });
  fake.push({ type: "chat", data: 0, timestamp: 0, id: "x", group: "g" });
  expect(texts(store)).toEqual(["m1"]);
});

test("a snapshot is the same object until something has changed", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 1, 2);
  const before = store.get();
  fake.push(message(2));
  fake.push({ ...message(9), group: "h" });
  expect(store.get()).toBe(before);
  fake.push(message(3));
  expect(store.get()).not.toBe(before);
  expect(before.messages).toHaveLength(2);
});

test("older pages come in front, one at a time, until there are no more", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 5, 6, { pageSize: 2 });
  const both = [store.loadOlder(), store.loadOlder()];
  expect(store.get().isLoadingOlder).toBe(true);
  const asked = await fake.asks();
  expect(asked.query).toEqual({ channel: "group:g", before: 5, limit: 2 });
  fake.push(message(7));
  asked.answer(messages(3, 4), { more: true });
  await Promise.all(both);
  expect(fake.pages).toBe(2);
  expect(texts(store)).toEqual(range(3, 7));
  const last = store.loadOlder();
  (await fake.asks()).answer(messages(1, 2));
  await last;
  expect(store.get()).toMatchObject({ hasOlder: false, isLoadingOlder: false });
  expect(texts(store)).toEqual(range(1, 7));
  await store.loadOlder();
  expect(fake.pages).toBe(3);
});

test("an older page that is refused is told, and can be asked for again", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 5, 6);
  const refused = store.loadOlder();
  (await fake.asks()).refuse(new TidingsError("forbidden", "no"));
  await refused;
  expect(store.get()).toMatchObject({ state: "ready", isLoadingOlder: false, error: { code: "forbidden" } });
  const again = store.loadOlder();
  (await fake.asks()).answer(messages(1, 4));
  await again;
  expect(store.get().error).toBeUndefined();
  expect(texts(store)).toEqual(range(1, 6));
});

test("edits and deletions change the list, also while a page that does not know them is on its way", async () => {
  const fake = new FakeClient();
  const store = watched(fake);
  const asked = await fake.asks();
  fake.push(notice(5, 2, "edited"));
  fake.push(notice(6, 3));
  asked.answer(messages(1, 4));
  await isReady(store);
  expect(store.get().messages).toMatchObject([
    { data: "m1" },
    { data: "edited", editedAt: 5 },
    { data: null, deletedAt: 6 },
    { data: "m4" },
  ]);
  fake.push(notice(7, 2, "edited again"));
  fake.push(notice(8, 99, "of an older message"));
  expect(texts(store)).toEqual(["m1", "edited again", null, "m4"]);
});

test("a notice that is older than what the page says changes nothing", async () => {
  const fake = new FakeClient();
  const store = watched(fake);
  const asked = await fake.asks();
  fake.push(notice(3, 1, "first edit"));
  asked.answer([message(1, { data: "second edit", editedAt: 4 })]);
  await isReady(store);
  expect(texts(store)).toEqual(["second edit"]);
});

test("after a loss the list begins anew, unless the history continues it", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 1, 3);
  fake.tell({ type: "lost", channel: "group:h" });
  expect(fake.asked).toHaveLength(0);
  fake.tell({ type: "lost", channel: "group:g" });
  fake.push(message(7));
  expect(texts(store), "no list with a hole").toEqual(range(1, 3));
  (await fake.asks()).answer(messages(3, 6));
  await eventually("the list continues", () => texts(store).length === 7);
  expect(texts(store)).toEqual(range(1, 7));
  fake.tell({ type: "lost", channel: "group:g" });
  fake.push(message(21));
  (await fake.asks()).answer(messages(19, 20), { more: true });
  await eventually("the list is new", () => texts(store).length === 3);
  expect(texts(store)).toEqual(range(19, 21));
  expect(store.get()).toMatchObject({ losses: 2, hasOlder: true });
});

test("another epoch begins the list anew, whether the client tells of a loss or not", async () => {
  const fake = new FakeClient();
  fake.positions = { "group:g": { epoch: "e1", offset: 9 } };
  const store = await ready(fake, 7, 9);
  fake.positions = { "group:g": { epoch: "e2", offset: 1 } };
  fake.push(message(1, { data: "new" }));
  (await fake.asks()).answer([message(1, { data: "new" })], { epoch: "e2" });
  await eventually("the list is new", () => texts(store).length === 1);
  expect(texts(store)).toEqual(["new"]);
  fake.push(message(2));
  expect(texts(store)).toEqual(["new", "m2"]);
});

test("an older page of another epoch is not mixed in", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 5, 6);
  const older = store.loadOlder();
  (await fake.asks()).answer(messages(1, 4), { epoch: "e2" });
  await older;
  expect(texts(store)).toEqual(range(5, 6));
  (await fake.asks()).answer(messages(1, 2), { epoch: "e2" });
  await eventually("the list is new", () => texts(store)[0] === "m1");
  expect(texts(store)).toEqual(range(1, 2));
});

test("a full list drops its oldest messages for new ones, and reads no older page", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 3, 5, { max: 4 });
  expect(store.get().hasOlder).toBe(true);
  for (const offset of [6, 7]) fake.push(message(offset));
  expect(texts(store)).toEqual(range(4, 7));
  expect(store.get().hasOlder).toBe(false);
});

test("a list of some types hears no others, and reads on while a page has none of them", async () => {
  const fake = new FakeClient();
  const store = watched(fake, { types: ["note"] });
  (await fake.asks()).answer([message(9, { type: "note" })], { more: true });
  await isReady(store);
  fake.push(message(10));
  fake.push(message(11, { type: "note" }));
  expect(texts(store)).toEqual(["m9", "m11"]);
  const older = store.loadOlder();
  (await fake.asks()).answer(messages(7, 8), { more: true });
  const next = await fake.asks();
  expect(next.query.before).toBe(7);
  fake.push(message(12, { type: "note" }));
  next.answer(messages(5, 6), { more: true });
  const last = await fake.asks();
  expect(last.query.before).toBe(5);
  last.answer([message(1, { type: "note" }), ...messages(2, 4)]);
  await older;
  expect(texts(store)).toEqual(["m1", "m9", "m11", "m12"]);
});

test("a history that may not be read is told, and what arrives is listed", async () => {
  const fake = new FakeClient();
  const store = watched(fake);
  const asked = await fake.asks();
  fake.push(message(8));
  asked.refuse(new TidingsError("forbidden", "no"));
  await eventually("the store tells", () => store.get().state === "failed");
  fake.push(message(9));
  expect(store.get().error).toMatchObject({ code: "forbidden" });
  expect(texts(store)).toEqual(range(8, 9));
});

test("errors that pass lead to another request, and no request waits in the client while it is not open", async () => {
  const fake = new FakeClient();
  fake.state = "waiting";
  const store = watched(fake);
  await Promise.resolve();
  expect(fake.pages).toBe(0);
  fake.state = "open";
  fake.open();
  (await fake.asks()).refuse(new TidingsError("unavailable", "later", { retryAfterMs: 1 }));
  await eventually("the store asks again", () => fake.pages === 2);
  (await fake.asks()).answer(messages(1, 1));
  await isReady(store);
});

test("who watches the same shares one store, and the last one ends it", async () => {
  const fake = new FakeClient();
  const names = ["a", "b", "c"];
  const stores = names.map(() => messagesStore(fake.client, "group:g", { join: true }));
  expect(new Set(stores).size).toBe(1);
  const undos = stores.map((store) => store.subscribe(() => {}));
  const asked = await fake.asks();
  asked.answer(messages(1, 2));
  const [store] = stores as [MessagesStore];
  await isReady(store);
  for (const undo of undos) undo();
  // As a component that strict mode takes out and puts back.
  const undo = store.subscribe(() => {});
  expect(texts(store)).toEqual(range(1, 2));
  expect([fake.pages, fake.joined]).toEqual([1, ["join g"]]);
  undo();
  await eventually("nothing listens any more", () => fake.listeners === 0);
  expect(fake.joined).toEqual(["join g", "leave g"]);
  expect(store.get()).toMatchObject({ messages: [], state: "loading" });
});

test("the end of the last watch aborts its request", async () => {
  const fake = new FakeClient();
  const undo = messagesStore(fake.client, "group:g").subscribe(() => {});
  const { signal } = await fake.asks();
  undo();
  await eventually("the request is aborted", () => signal?.aborted);
  expect(fake.asked).toEqual([]);
});

test("another user of the same client sees nothing of the first one", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 1, 3);
  fake.open("bob");
  expect(store.get()).toMatchObject({ messages: [], state: "loading" });
  (await fake.asks()).answer([]);
  await isReady(store);
});

test("messages that wait for a page are bounded, and those that were dropped leave no hole", async () => {
  const fake = new FakeClient();
  const store = watched(fake, { max: 3 });
  const asked = await fake.asks();
  for (const offset of [2, 3, 4, 5, 6]) fake.push(message(offset));
  asked.answer(messages(1, 2));
  await isReady(store);
  expect(texts(store)).toEqual(range(4, 6));
  expect(fake.pages, "a busy channel does not put off the list").toBe(1);
});

test("what arrived before a loss of the epoch is not mixed with the new one", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 7, 9);
  fake.tell({ type: "lost", channel: "group:g" });
  fake.push(message(21, { data: "old" }));
  fake.tell({ type: "lost", channel: "group:g" });
  fake.push(message(2));
  await eventually("both pages are asked for", () => fake.asked.length === 2);
  const [, second] = fake.asked;
  second?.answer(messages(1, 1), { epoch: "e2" });
  await eventually("the list is new", () => texts(store).length === 2);
  expect(texts(store)).toEqual(range(1, 2));
});

test("an epoch that ends while its page is on the way is not listed", async () => {
  const fake = new FakeClient();
  fake.positions = { "group:g": { epoch: "e1", offset: 9 } };
  const store = watched(fake);
  const asked = await fake.asks();
  fake.positions = { "group:g": { epoch: "e2", offset: 1 } };
  asked.answer(messages(7, 9));
  const again = await eventually("the page is asked for again", () => fake.pages === 2 && fake.asked[0]);
  again.answer(messages(1, 1), { epoch: "e2" });
  await isReady(store);
  expect(texts(store)).toEqual(range(1, 1));
});

test("a notice changes no message of another epoch", async () => {
  const fake = new FakeClient();
  const store = watched(fake);
  const asked = await fake.asks();
  fake.push(notice(9, 1, "edited"));
  asked.answer([message(1, { id: "another", timestamp: 1 })], { epoch: "e2" });
  await isReady(store);
  expect(texts(store)).toEqual(range(1, 1));
});

test("after a loss with a history that may not be read, only what has arrived since is listed", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 5, 6, { pageSize: 2 });
  fake.tell({ type: "lost", channel: "group:g" });
  fake.push(message(3));
  (await fake.asks()).refuse(new TidingsError("forbidden", "no"));
  await eventually("the store tells", () => store.get().state === "failed");
  expect(texts(store), "no hole, and no offset of another epoch").toEqual(range(3, 3));
  expect(store.get().hasOlder).toBe(false);
});

test("what was published before the client came to follow the channel is read", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 1, 3); // without a position: the application has not joined yet
  fake.positions = { "group:g": { epoch: "e1", offset: 6 } };
  fake.push(message(6));
  (await fake.asks()).answer(messages(2, 6), { more: true });
  await eventually("the list is whole", () => texts(store).length === 6);
  expect(texts(store)).toEqual(range(1, 6));
  fake.push(message(9)); // one that is not for this client is before it
  expect(texts(store)).toEqual([...range(1, 6), "m9"]);
  expect(fake.pages).toBe(2);
});

test("an older page that comes after the list has begun anew is dropped", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 5, 6, { pageSize: 2 });
  const older = store.loadOlder();
  fake.tell({ type: "lost", channel: "group:g" });
  await eventually("both pages are asked for", () => fake.asked.length === 2);
  const [slow, newest] = fake.asked;
  newest?.answer(messages(19, 20), { more: true });
  await eventually("the list is new", () => texts(store)[0] === "m19");
  slow?.answer(messages(3, 4), { more: true });
  await older;
  expect(texts(store)).toEqual(range(19, 20));
  expect(store.get()).toMatchObject({ hasOlder: true, isLoadingOlder: false });
});

test("an error of a page that nobody waits for any more is not shown", async () => {
  const fake = new FakeClient();
  const store = await ready(fake, 1, 3);
  for (const _ of [1, 2]) fake.tell({ type: "lost", channel: "group:g" });
  await eventually("both pages are asked for", () => fake.asked.length === 2);
  const [first, second] = fake.asked;
  second?.answer(messages(2, 4));
  await eventually("the list goes on", () => texts(store).length === 4);
  first?.refuse(new TidingsError("forbidden", "no"));
  await setImmediate(); // what the refusal leads to
  expect(store.get()).toMatchObject({ state: "ready", error: undefined });
});
