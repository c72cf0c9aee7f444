import { describe, expect, it, onTestFinished } from "vitest";
import { type Client, type ConnectOptions, connect } from "../../../src/client/client.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, isMessage, joined } from "../../support/peer.ts";

const ACK_MS = 20;

function clientOf(url: string, options: ConnectOptions): Client {
  const client = connect(url.replace(/\?.*/, ""), options);
  onTestFinished(() => client.close());
  return client;
}

describe("a message with copy", () => {
  it("comes to the sender's other connections, with its recipient, and stays in the own history", async () => {
    const { url } = await startHub();
    const tab = await connectPeer(url({ user_id: "alice" }));
    const phone = await connectPeer(url({ user_id: "alice", platform: "ios" }));
    const bob = await connectPeer(url({ user_id: "bob" }));
    const sender = clientOf(url(), { user: "alice" });

    const message = { type: "chat", to: "bob", data: { text: "Hello" } };
    const { id, offset } = await sender.send({ ...message, copy: true });

    const copy = {
      type: "chat",
      data: { text: "Hello" },
      from: "alice",
      to: "alice",
      recipient: "bob",
      id: `${id}.copy`,
    };
    for (const device of [tab, phone]) {
      expect(await device.next(isMessage)).toEqual({ ...copy, offset: 1, timestamp: expect.any(Number) });
    }
    expect(await bob.next(isMessage)).toMatchObject({ ...message, from: "alice", id, offset });
    expect(bob.messages[0]).not.toHaveProperty("recipient");
    // After a reload the sender has it from its own history, beside what others sent.
    const { messages } = await sender.history();
    expect(messages).toMatchObject([copy]);
  });

  it("does not come to the connection that sends it", async () => {
    const { url } = await startHub();
    const alice = await connectPeer(url({ user_id: "alice" }));
    alice.send({ id: 1, type: "chat", to: "bob", data: 1, copy: true });
    alice.send({ id: 2, type: "typing", to: "bob", data: 2, copy: true, ephemeral: true });
    await alice.take(2, ({ id }) => id === 1 || id === 2);
    await alice.caughtUp();
    expect(alice.messages).toEqual([]);
    // Its position moves past the copy.
    expect(alice.frames).toContainEqual(expect.objectContaining({ channel: "user:alice", offset: 1 }));
  });

  it("is copied once when it is sent again under its key", async () => {
    const { hub, url } = await startHub();
    const alice = await connectPeer(url({ user_id: "alice" }));
    for (const id of [1, 2]) alice.send({ id, type: "chat", to: "bob", data: 1, copy: true, key: "k" });
    await alice.take(2, ({ id }) => id === 1 || id === 2);
    expect((await hub.history("user:alice")).messages).toHaveLength(1);
    expect((await hub.history("user:bob")).messages).toHaveLength(1);
  });

  it("needs a user", async () => {
    const { url } = await startHub();
    const alice = await connectPeer(url({ user_id: "alice" }));
    alice.send({ id: 1, type: "chat", group: "g", data: 1, copy: true });
    expect(await alice.next(({ id }) => id === 1)).toMatchObject({ error: { code: "bad_request" } });
  });
});

describe("a message without echo", () => {
  it("comes to all members of a group but the connection that sends it", async () => {
    const { url } = await startHub();
    const alice = await joined(await connectPeer(url({ user_id: "alice" })), "g");
    const other = await joined(await connectPeer(url({ user_id: "alice" })), "g");
    alice.send({ id: 1, type: "chat", group: "g", data: "without", echo: false });
    alice.send({ id: 2, type: "chat", group: "g", data: "with" });
    await alice.take(2, ({ id }) => id === 1 || id === 2);
    await Promise.all([alice.caughtUp(), other.caughtUp()]);
    expect(other.messages.map(({ data }) => data)).toEqual(["without", "with"]);
    expect(alice.messages.map(({ data }) => data)).toEqual(["with"]);
  });
});

describe("an acknowledgement after the timeout of its sender", () => {
  it("is told by the status acked, once", async () => {
    const { url } = await startHub();
    const alice = clientOf(url(), { user: "alice" });
    const told: unknown[] = [];
    alice.onStatus((status) => status.type === "acked" && told.push(status));

    const receipt = await alice.send({ type: "chat", to: "bob", data: 1, ack: true, timeoutMs: ACK_MS });
    expect(receipt.state).toBe("stored");
    const bob = clientOf(url(), { user: "bob" });
    bob.on("chat", () => undefined);

    const { id, epoch, offset } = receipt;
    await eventually("the acknowledgement is told", () => told.length > 0);
    expect(told).toEqual([{ type: "acked", id, to: "bob", epoch, offset }]);
  });
});
