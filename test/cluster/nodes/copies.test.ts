import { expect, test } from "vitest";
import { onEveryCluster } from "../support/cluster.ts";

onEveryCluster({ POLICY_PRESENCE: "anyone", POLICY_EDIT: "anyone" }, (cluster) => {
  test("a copy comes to the sender's devices on other nodes, live, replayed and in the history", async () => {
    const { n1, n2, n3 } = cluster();
    const sender = await cluster().client("alice", n1);
    const phone = await cluster().client("alice", n2, { device: "phone" });
    const copies: unknown[] = [];
    phone.client.on("chat", (message) => copies.push(message));

    const message = { type: "chat", to: "bob", data: "Hello" };
    const { id } = await sender.client.send({ ...message, copy: true });
    await phone.until(() => phone.received.length === 1);

    const copy = { ...message, from: "alice", to: "alice", recipient: "bob", id: `${id}.copy`, offset: 1 };
    expect(copies).toMatchObject([copy]);
    const tablet = await cluster().client("alice", n3, { device: "tablet" });
    await tablet.until(() => tablet.received.length === 1);
    expect((await tablet.client.history()).messages).toMatchObject([copy]);
    expect(sender.received).toEqual([]);
  });

  test("an edit on another node is told in order, also to a device that was away", async () => {
    const { n1, n2, n3 } = cluster();
    const author = await cluster().client("eve", n1);
    const phone = await cluster().client("fay", n2, { device: "phone" });
    const { id, offset } = await author.client.send({ type: "chat", to: "fay", data: "one" });
    await author.client.send({ type: "chat", to: "fay", data: "next" });
    await phone.until(() => phone.received.length === 2);

    const editor = await cluster().client("eve", n3, { device: "desk" });
    await editor.client.request("message.edit", { channel: "user:fay", id, offset, data: "two" });
    await author.client.send({ type: "chat", to: "fay", data: "last" });

    const notice = { id, offset, type: "chat", data: "two" };
    await phone.until(() => phone.received.length === 4);
    expect(phone.received).toEqual(["one", "next", notice, "last"]);
    const tablet = await cluster().client("fay", n1, { device: "tablet" });
    await tablet.until(() => tablet.received.length === 4);
    expect(tablet.received).toEqual(["two", "next", notice, "last"]);
    expect((await tablet.client.history()).messages).toMatchObject([
      { id, data: "two", editedAt: expect.any(Number) },
      { data: "next" },
      { data: "last" },
    ]);
  });

  test("a late acknowledgement on another node is told to the connection that sent the message", async () => {
    const { n1, n2 } = cluster();
    const ada = await cluster().client("ada", n1);
    const message = { type: "chat", to: "ben", data: 1, ack: true, timeoutMs: 20 };
    const { state, id, epoch, offset } = await ada.client.send(message);
    expect(state).toBe("stored");
    await cluster().client("ben", n2);
    expect(await ada.status("acked")).toEqual({ type: "acked", id, to: "ben", epoch, offset });
  });

  test("a watch of presence that has ended tells nothing more, another one goes on", async () => {
    const { n1, n2 } = cluster();
    const watcher = await cluster().client("watcher", n1);
    const watch = await watcher.client.watchPresence({ users: ["cid", "dan"] });
    await watcher.client.watchPresence({ users: ["dan"] });
    watch.stop();
    await cluster().client("cid", n2);
    await cluster().client("dan", n2);
    await watcher.until(() => watcher.presences.length > 0);
    expect(watcher.presences).toEqual([{ user: "dan", online: true }]);
  });
});
