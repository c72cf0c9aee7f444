import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { connectRaw } from "../../support/raw.ts";

describe("a drain", () => {
  it("waits for a slow consumer up to its limit", async () => {
    const { hub, url } = await startHub({ shutdown: { drainMs: 60_000 } });
    const slow = await connectRaw(url({ user_id: "bob" }));
    slow.socket.pause();
    const total = 200;
    // More than the sockets take, so that some messages stay in the queue.
    for (let n = 0; n < total; n++) await hub.user("bob").send({ type: "n", data: "x".repeat(64_000) });
    const closing = hub.close();
    // Longer than the timeout of the closing handshake.
    await sleep(2_500);
    slow.socket.resume();
    expect((await slow.closed).code).toBe(4000);
    await closing;
    expect(slow.frames.at(-1)).toMatchObject({ code: "drain" });
  });

  it("waits for connections whose login was in flight when it began", async () => {
    const { hub, url } = await startHub();
    const asked = Promise.withResolvers<void>();
    const admitted = Promise.withResolvers<void>();
    hub.on("connect", async () => {
      asked.resolve();
      await admitted.promise;
    });
    const gone: string[] = [];
    hub.on("disconnect", ({ connection, cause }) => gone.push(`${connection.user} ${cause}`));
    const peer = new Peer(url({ user_id: "alice" }));
    await asked.promise;
    const closing = hub.close();
    admitted.resolve();
    await closing;
    expect(gone).toEqual(["alice drain"]);
    expect((await peer.closed).code).toBe(4000);
  });

  it("begins after the delay, in which only readiness changes", async () => {
    const { hub, at, url } = await startHub({ shutdown: { delayMs: 6_000 } });
    const early = await connectPeer(url({ user_id: "early" }));
    const closing = hub.close();
    const ready = await fetch(`${at.url}/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { reasons: ["draining"] }]);
    const late = await connectPeer(url({ user_id: "late" }));
    expect(await hub.user("late").send({ type: "n", data: 1 })).toMatchObject({ state: "delivered" });
    expect(early.frames.some(({ code }) => code === "drain")).toBe(false);
    await closing;
    expect([(await early.closed).code, (await late.closed).code]).toEqual([4000, 4000]);
  });

  it("ends when all connections have left presence", async () => {
    const { hub, url } = await startHub();
    await Promise.all(["a", "b", "c"].map((user) => connectPeer(url({ user_id: user }))));
    const counts: number[] = [];
    hub.on("disconnect", async () => {
      counts.push((await hub.presence.count()).connections);
    });
    await hub.close();
    expect(counts).toHaveLength(3);
    expect(counts.at(-1)).toBe(0);
  });
});
