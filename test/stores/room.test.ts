import { expect, onTestFinished, test } from "vitest";
import { messagesStore, type RoomStore, roomStore } from "../../src/stores/stores.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClient } from "./fake-client.ts";

const room = (fake: FakeClient, data?: unknown): RoomStore =>
  roomStore(fake.client, "g", { join: true, data });

/** Watches until the test is over, or the undo is called. */
function watched(store: Pick<RoomStore, "subscribe">): () => void {
  const undo = store.subscribe(() => {});
  onTestFinished(undo);
  return undo;
}

async function isJoined(fake: FakeClient, ...joined: string[]): Promise<void> {
  await eventually("the group is joined or left", () => fake.joined.length === joined.length);
  expect(fake.joined).toEqual(joined);
}

test("the data of whoever begins to watch is joined, and not that of those who watched before", async () => {
  const fake = new FakeClient();
  const store = room(fake, "one");
  const undo = watched(store);
  await isJoined(fake, "join g one");
  expect(room(fake, "two")).toBe(store);
  await store.update("three");
  expect(fake.joined).toEqual(["join g one", "join g three"]);
  undo();
  await isJoined(fake, "join g one", "join g three", "leave g");
  watched(room(fake, "four"));
  room(fake); // a component without data
  await isJoined(fake, "join g one", "join g three", "leave g", "join g four");
});

test("data that is given while nobody watches counts before that of later watchers", async () => {
  const fake = new FakeClient();
  const store = room(fake, "one");
  room(fake);
  watched(store);
  watched(room(fake, "two"));
  await isJoined(fake, "join g one");
});

test("another user of the same client joins without the data of the first one, also where two stores join", async () => {
  const fake = new FakeClient();
  watched(messagesStore(fake.client, "group:g", { join: true }));
  watched(room(fake, "alice's"));
  await isJoined(fake, "join g", "join g alice's");
  fake.open("bob");
  await isJoined(fake, "join g", "join g alice's", "leave g", "join g");
  fake.open("bob");
  await eventually("the room is watched", () => fake.requests.some(({ action }) => action === "group.watch"));
  expect(fake.joined).toHaveLength(4);
});
