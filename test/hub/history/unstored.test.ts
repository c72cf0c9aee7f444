import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../../src/client/client.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, isMessage, joined } from "../../support/peer.ts";

const channels = { "group:live-*": "none", "group:live-goals": { count: 5 } } as const;

test("messages to a channel whose retention is none are ephemeral, whoever sends them", async () => {
  const { hub, url } = await startHub({ history: { channels } });
  const member = await joined(await connectPeer(url({ user_id: "bob" })), "live-1");
  const client = connect(url({ user_id: "alice" }));
  onTestFinished(() => client.close());
  await client.join("live-1");

  const receipts = [
    await hub.group("live-1").send({ type: "score", data: 1 }),
    await client.send({ group: "live-1", type: "score", data: 2 }),
  ];

  for (const receipt of receipts) expect(receipt).not.toHaveProperty("offset");
  expect(await member.take(2, isMessage)).toMatchObject([
    { data: 1, group: "live-1" },
    { data: 2, group: "live-1" },
  ]);
  expect(member.messages.every((message) => !("offset" in message))).toBe(true);
  expect((await hub.group("live-1").history()).messages).toEqual([]);
});

test("a channel with a rule of its own is stored, and so are all others", async () => {
  const { hub } = await startHub({ history: { channels } });
  expect(await hub.group("live-goals").send({ type: "goal" })).toMatchObject({ offset: 1 });
  expect(await hub.group("g").send({ type: "chat" })).toMatchObject({ offset: 1 });
  expect(await hub.user("bob").send({ type: "chat" })).toMatchObject({ offset: 1 });
});

test("an acknowledgement of a message that is not stored is refused", async () => {
  const { hub } = await startHub({ history: { channels: { "user:*": "none" } } });
  await expect(hub.user("bob").send({ type: "chat", ack: true })).rejects.toMatchObject({
    code: "bad_request",
  });
});

test("messages that are not stored count towards nobody's budget of stored bytes", async () => {
  const { hub, url } = await startHub({
    history: { channels },
    publish: { storedBytesPerHour: 1_000 },
  });
  const client = connect(url({ user_id: "alice" }));
  onTestFinished(() => client.close());
  await client.join("live-1");
  for (let sent = 0; sent < 10; sent++) {
    await client.send({ group: "live-1", type: "score", data: "x".repeat(500) });
  }
  expect((await hub.group("live-1").history()).messages).toEqual([]);
});
