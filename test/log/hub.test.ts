import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createHub } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { connectRaw } from "../support/raw.ts";
import { MemorySink } from "./support.ts";

describe("a hub with a message log", () => {
  it("logs each stored message with its receipt, from the application, clients and HTTP, and nothing ephemeral", async () => {
    const messageLog = new MemorySink();
    const { hub, at, url } = await startHub({ messageLog });
    const alice = await connectPeer(url({ user_id: "alice" }));
    const receipt = await hub
      .user("alice")
      .platforms("web")
      .send({ type: "chat", data: { n: 1 }, from: "bob" });
    await hub.user("alice").send({ type: "typing", ephemeral: true });
    alice.send({ type: "chat", to: "bob", data: "hi" });
    const post = { method: "POST", headers: { "content-type": "application/json" } };
    await fetch(`${at.url}/groups/g/send`, { ...post, body: '{"type":"news","data":738529527931269425}' });
    await hub.users(["u1", "u2"]).send({ type: "both", data: 1 });
    await eventually("all are logged", () => messageLog.records.length === 5);
    expect(messageLog.stored[0]).toEqual({
      ...{
        kind: "stored",
        id: receipt.id,
        timestamp: receipt.timestamp,
        node: hub.node,
        channel: "user:alice",
      },
      ...{ from: "bob", type: "chat", data: '{"n":1}', platforms: ["web"], epoch: receipt.epoch, offset: 1 },
      ...{ state: "delivered", connections: 1, nodes: 0 },
    });
    const rest = messageLog.stored
      .slice(1)
      .map(({ channel, from, type, data }) => [channel, from, type, data]);
    expect(rest.sort()).toEqual([
      ["group:g", undefined, "news", "738529527931269425"],
      ["user:bob", "alice", "chat", '"hi"'],
      ["user:u1", undefined, "both", "1"],
      ["user:u2", undefined, "both", "1"],
    ]);
    await alice.close();
  });

  it("logs a message once, however often its key is repeated", async () => {
    const messageLog = new MemorySink();
    const { hub } = await startHub({ messageLog });
    const send = (data: number) => hub.user("bob").send({ type: "chat", data, key: "k" });
    await Promise.all([send(1), send(2), send(3)]); // at the same moment
    await send(4);
    await hub.user("bob").send({ type: "end" });
    await eventually("the last one is logged", () => messageLog.stored.some(({ type }) => type === "end"));
    expect(messageLog.stored.map(({ data, offset }) => [data, offset])).toEqual([
      ["1", 1],
      ["null", 2],
    ]);
  });

  it("logs edits and deletions, and no notice as a message", async () => {
    const messageLog = new MemorySink();
    const { hub } = await startHub({ messageLog });
    const { id, offset = 0 } = await hub.user("bob").send({ type: "chat", data: "one" });
    const { timestamp } = await hub.edit("user:bob", { id, offset, data: "two", from: "alice" });
    await hub.delete("user:bob", { id, offset });
    await eventually("all are logged", () => messageLog.records.length === 3);
    const about = { node: hub.node, message: id, channel: "user:bob" };
    expect(messageLog.outcomes("edited")).toMatchObject([
      { ...about, timestamp, from: "alice", offset: 2, data: '"two"' },
    ]);
    const [deleted] = messageLog.outcomes("deleted");
    expect(deleted).toMatchObject({ ...about, from: undefined, offset: 3 });
    expect(deleted).not.toHaveProperty("data");
  });

  it("logs cursor moves", async () => {
    const messageLog = new MemorySink();
    const { hub, url } = await startHub({ messageLog });
    const bob = await connectPeer(url({ user_id: "bob", device: "phone" }));
    const acked = hub.user("bob").send({ type: "chat", data: 1, ack: true, timeoutMs: 60_000 });
    await bob.frame("chat");
    bob.send({ id: 1, action: "message.ack", data: { offset: 1 } });
    expect(await acked).toMatchObject({ state: "acked" });
    await eventually("the move is logged", () => messageLog.outcomes("acknowledged").length === 1);
    expect(messageLog.outcomes("acknowledged")).toMatchObject([
      { node: hub.node, channel: "user:bob", user: "bob", device: "phone", offset: 1 },
    ]);
    await bob.close();
  });

  it("logs how many connections dropped a message, in one record for each node and message", async () => {
    const messageLog = new MemorySink();
    const { hub, url } = await startHub({ messageLog, websocket: { messageBufferSize: 4 } });
    const slow = [await connectRaw(url({ user_id: "bob" })), await connectRaw(url({ user_id: "bob" }))];
    for (const { socket } of slow) socket.pause();
    const send = () => hub.user("bob").send({ type: "n", data: "x".repeat(65_536) });
    let receipt = await send();
    while (receipt.state !== "dropped") receipt = await send();
    await send();
    const drops = () => messageLog.outcomes("dropped").filter(({ count }) => count === 2);
    await eventually("both drops are logged", () => drops().length === 2);
    expect(drops()[0]).toMatchObject({ message: receipt.id, channel: "user:bob", node: hub.node });
    for (const { socket } of slow) socket.destroy();
  });

  it("writes what waits before it has closed, and fails nothing when the sink fails", async () => {
    const messageLog = new MemorySink();
    messageLog.before = () => sleep(50);
    const hub = createHub({ messageLog, logLevel: "silent", shutdown: { drainMs: 0 } });
    await hub.ready;
    for (let sent = 0; sent < 100; sent++) await hub.user("bob").send({ type: "chat", data: sent });
    await hub.close();
    expect(messageLog.stored).toHaveLength(100);
  });

  it("is degraded while the sink fails, tells why in its log only, and goes on", async () => {
    const messageLog = new MemorySink();
    messageLog.before = () => Promise.reject(new Error("the disk at /secret/place is full"));
    const errors: unknown[] = [];
    const { hub, at } = await startHub({ messageLog });
    hub.on("error", ({ stage, error }) => errors.push([stage, String(error)]));
    await hub.user("bob").send({ type: "chat" });
    const ready = async (): Promise<string> => (await fetch(`${at.url}/ready`)).text();
    await eventually("the node is degraded", async () => (await ready()).includes('"message log"'));
    expect(await ready()).not.toContain("secret");
    expect(errors).toEqual([["message log", "Error: the disk at /secret/place is full"]]);
    const metrics = await (await fetch(`${at.url}/metrics`)).text();
    expect(metrics).toContain("tidings_message_log_waiting 1");
    expect(metrics).toContain('tidings_degraded{what="message log"} 1');
    messageLog.before = async () => undefined;
    await eventually("the node is restored", async () => !(await ready()).includes('"message log"'));
    expect(messageLog.stored).toHaveLength(1);
  });

  it.each([
    ["/messages", "there is no message log to search"],
    ["/messages?limit=0", "limit"],
    ["/messages?user=%00", "user"],
    ["/messages?since=x", "since"],
    ["/messages?channel=x", "channel"],
  ])("answers %s with an error that names it", async (path, text) => {
    const { at } = await startHub();
    const answer = await fetch(at.url + path);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(text);
  });

  it("lets only keys of the scope admin search", async () => {
    const [admin, reader] = ["an API key of the tests", "a key that may only read"];
    const { at } = await startHub({
      ...{ apiKey: admin, apiKeys: [`read:${reader}`], jwt: { secret: "a secret of the tests, 32 bytes!" } },
      messageLog: new MemorySink(),
    });
    const status = async (key: string): Promise<number> =>
      (await fetch(`${at.url}/messages`, { headers: { "x-api-key": key } })).status;
    expect([await status(admin), await status(reader), await status("no key of this hub")]).toEqual([
      400, 403, 401,
    ]);
  });

  it.each([
    ["a file in place of a directory", { messageLog: "sqlite:/dev/null/log.db" }, "expected a SQLite file"],
    ["no target", { messageLog: "mysql://a" }, "expected stdout, sqlite:<file> or a URL"],
    ["memory", { messageLog: "sqlite::memory:" }, "expected stdout, sqlite:<file> or a URL"],
    ["an object that is no sink", { messageLog: {} }, "an object with the method write"],
    ["null", { messageLog: null }, "an object with the method write"],
    ["an age for standard output", { messageLog: "stdout", messageLogLimits: { ageMs: 1 } }, "cannot delete"],
  ])("refuses %s with a clear error", (_, options, text) => {
    expect(() => createHub({ logLevel: "silent", ...(options as object) })).toThrow(text);
  });
});
