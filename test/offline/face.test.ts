import { expect, expectTypeOf, it } from "vitest";
import type { Client } from "../../src/client/client.ts";
import { connectOffline, type OfflineClient } from "../../src/offline/offline.ts";
import { startHub } from "../support/hub.ts";

interface Events {
  chat: { text: string };
}

it("is a client, typed by the same declaration", () => {
  expectTypeOf<OfflineClient<Events>>().toExtend<Client<Events>>();
  const wrong = (client: OfflineClient<Events>): unknown =>
    // @ts-expect-error the data of a chat has a text
    client.send({ type: "chat", to: "bob", data: {} });
  expect(wrong).toBeTypeOf("function");
});

it("needs a user", () => {
  // @ts-expect-error a group of tabs is one user's
  expect(() => connectOffline("ws://127.0.0.1:1/ws", {})).toThrow("user: expected an id");
});

it("connects alone in Node, where there are no pages", async () => {
  const { url } = await startHub();
  const client = connectOffline<Events>(url(), { user: "alice" });
  await client.ready;
  expect([client.sharing, client.isLeader, client.outbox.storage]).toEqual(["alone", true, "memory"]);
  expect(await client.send({ type: "chat", to: "bob", data: { text: "Hello" } })).toMatchObject({
    state: "stored",
  });
  await client.close();
  expect(client.state).toBe("closed");
});
