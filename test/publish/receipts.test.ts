import { describe, expect, it } from "vitest";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, isMessage, joined } from "../support/peer.ts";
import { connectRaw } from "../support/raw.ts";

const BOB = { user_id: "bob" };
const TEXT = "x".repeat(64 * 1_024);
const SMALL_QUEUE = { messageBufferSize: 4 };

async function counted({ at }: RunningHub, name: string): Promise<number> {
  const response = await fetch(`${at.url}/metrics`);
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(await response.text())?.[1]);
}

describe("a receipt", () => {
  it.each(["group", "user"] as const)(
    "says dropped when the queue of the only receiver of a %s is full",
    async (to) => {
      const running = await startHub({ websocket: SMALL_QUEUE });
      const { hub, url } = running;
      const errors: unknown[] = [];
      hub.on("error", ({ error }) => errors.push(error));
      const slow = await connectRaw(url(BOB));
      slow.send({ id: 1, action: "group.join", data: { group: "g" } });
      await slow.until(() => slow.frames.some(({ id }) => id === 1));
      slow.socket.pause();
      const audience = to === "group" ? hub.group("g") : hub.user("bob");
      let taken = 0;
      let receipt = await audience.send({ type: "n", data: TEXT });
      for (; receipt.state === "delivered"; taken++) receipt = await audience.send({ type: "n", data: TEXT });

      expect(receipt).toMatchObject({ state: "dropped", connections: 0, nodes: 0, offset: taken + 1 });
      const ephemeral = await audience.send({ type: "n", data: TEXT, ephemeral: true, count: true });
      expect(ephemeral).toMatchObject({ state: "dropped", connections: 0, nodes: 0, total: 0 });
      expect(await counted(running, "tidings_delivered_total")).toBe(taken);
      expect(errors[0]).toMatchObject({ message: expect.stringContaining(`"n" to ${to}:`) });

      slow.socket.resume();
      await slow.until(() => slow.frames.filter(isMessage).length === taken);
    },
  );

  it("never counts a connection that did not take the message, however many a tick sends", async () => {
    const { hub, url } = await startHub({ websocket: { messageBufferSize: 16 }, history: { count: 1_000 } });
    const slow = await connectRaw(url(BOB));
    slow.send({ id: 1, action: "group.join", data: { group: "g" } });
    await slow.until(() => slow.frames.some(({ id }) => id === 1));
    slow.socket.pause();
    const reader = await joined(await connectPeer(url({ user_id: "alice" })), "g");
    let claimed = 0;
    for (let tick = 0; tick < 10; tick++) {
      const sent = Array.from({ length: 40 }, () => hub.group("g").send({ type: "n", data: TEXT }));
      for (const { connections } of await Promise.all(sent)) claimed += connections;
      await reader.caughtUp();
    }
    slow.socket.resume();
    await slow.until(() => reader.messages.length + slow.frames.filter(isMessage).length >= claimed);
    slow.send({ id: 2, action: "robot.ping" });
    await slow.until(() => slow.frames.some(({ id }) => id === 2));
    expect(reader.messages.length + slow.frames.filter(isMessage).length).toBe(claimed);
  });

  it("does not say delivered of a connection whose queue stayed full, under the policy wait", async () => {
    const websocket = { ...SMALL_QUEUE, dropOnFull: false, sendTimeoutMs: 20 };
    const { hub, url } = await startHub({ websocket });
    const slow = await connectRaw(url(BOB));
    slow.socket.pause();
    for (const ephemeral of [false, true]) {
      let receipt = await hub.user("bob").send({ type: "n", data: TEXT, ephemeral });
      while (receipt.state === "delivered")
        receipt = await hub.user("bob").send({ type: "n", data: TEXT, ephemeral });
      expect(receipt).toMatchObject({ state: "dropped", connections: 0 });
    }
  });

  it("leaves out connections on other platforms", async () => {
    const { hub, url } = await startHub();
    await connectPeer(url(BOB));
    const ios = hub.user("bob").platforms("ios");
    expect(await ios.send({ type: "n" })).toMatchObject({ state: "stored", connections: 0, nodes: 0 });
    const ephemeral = await ios.send({ type: "n", ephemeral: true, count: true });
    expect(ephemeral).toMatchObject({ state: "offline", connections: 0, nodes: 0, total: 0 });
  });

  it("counts the connections of all nodes when the client asks for it", async () => {
    const { url } = await startHub();
    const peers = await Promise.all([1, 2, 3].map(() => connectPeer(url(BOB))));
    const message = { type: "n", to: "bob", ephemeral: true };
    expect(await peers[0]?.request("message.send", message)).not.toHaveProperty("data.total");
    expect(await peers[0]?.request("message.send", { ...message, count: true })).toMatchObject({
      data: { state: "delivered", connections: 3, nodes: 0, total: 3 },
    });
    expect(await peers[0]?.request("message.send", { ...message, count: 1 })).toMatchObject({
      error: { code: "bad_request", message: "count: expected true or false" },
    });
  });
});

describe("a call with a signal", () => {
  it("ends with the reason of the signal, before or while it waits", async () => {
    const { hub } = await startHub();
    const reason = new Error("enough");
    const message = { type: "n", ack: true, timeoutMs: 60_000 };
    await expect(hub.user("bob").send(message, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await hub.history("user:bob")).toMatchObject({ messages: [] });
    const abort = new AbortController();
    const sent = hub.user("bob").send(message, { signal: abort.signal });
    abort.abort(reason);
    await expect(sent).rejects.toBe(reason);
    expect(await hub.user("bob").history()).toMatchObject({ messages: [{ type: "n", offset: 1 }] });
  });
});
