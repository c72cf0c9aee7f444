import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer, isMessage, Peer } from "../../support/peer.ts";
import { connectRaw, type RawPeer } from "../../support/raw.ts";

const KIB = 1_024;
/** Who reads nothing is cut for the bytes that wait, never for the time, however long the test takes on a busy machine. */
const PATIENT = { writeTimeoutMs: 300_000 };

async function metric({ at }: RunningHub, name: string): Promise<number> {
  const text = await (await fetch(`${at.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}

/** Connects a user who does not read. */
async function stall({ url }: RunningHub, user: string): Promise<RawPeer> {
  const peer = await connectRaw(url({ user_id: user }));
  peer.socket.pause();
  return peer;
}

describe("unsent bytes of all connections together", () => {
  it("are bounded: who has most of them is cut, the others keep what they have", async () => {
    const running = await startHub({ websocket: { maxTotalPendingBytes: 8_192 * KIB, ...PATIENT } });
    const ends: unknown[] = [];
    running.hub.on("disconnect", ({ cause, connection }) => ends.push([connection?.user, cause]));
    const modest = await stall(running, "modest");
    const reader = await connectPeer(running.url({ user_id: "reader" }));
    // The kernel takes some megabytes for a socket; the rest waits in its queue.
    for (let n = 0; n < 12; n++)
      await running.hub.user("modest").send({ type: "n", data: "x".repeat(100_000) });
    for (const user of ["one", "two", "three", "four"]) await stall(running, user);
    let sent = 0;
    await eventually("a connection is cut", async () => {
      sent++;
      for (const user of ["one", "two", "three", "four"]) {
        await running.hub.user(user).send({ type: "n", data: "x".repeat(400 * KIB) });
      }
      await running.hub.user("reader").send({ type: "n", data: sent });
      return (await metric(running, "tidings_pending_cut_total")) > 0;
    });
    await eventually("its end is reported", () => ends.length > 0);
    for (const end of ends) expect(end).toEqual([expect.stringMatching(/one|two|three|four/), "slow"]);
    expect(await metric(running, "tidings_pending_bytes")).toBeLessThan(8_192 * KIB);
    modest.socket.resume();
    await modest.until(() => modest.frames.filter(isMessage).length === 12);
    await reader.take(sent, isMessage);
  });

  it("count once what connections share", async () => {
    const running = await startHub({ websocket: { maxTotalPendingBytes: 16_384 * KIB, ...PATIENT } });
    const peers = await Promise.all(Array.from({ length: 12 }, (_, n) => stall(running, `u${n}`)));
    // Each gets far more than its share of the budget, and all of them together what one has.
    for (let n = 0; n < 400; n++) await running.hub.broadcast({ type: "n", data: "x".repeat(40 * KIB) });
    const reader = await connectPeer(running.url({ user_id: "reader" }));
    await eventually(
      "much waits",
      async () => (await metric(running, "tidings_pending_bytes")) > 20_000 * KIB,
    );
    for (let n = 0; n < 20; n++) await reader.caughtUp();
    expect(await metric(running, "tidings_pending_cut_total")).toBe(0);
    for (const { socket } of peers) expect(socket.destroyed).toBe(false);
  });
});

describe("the connections of one user", () => {
  it("are 50 by default", async () => {
    const { hub, url } = await startHub();
    const at = url({ user_id: "mallory" });
    for (let n = 0; n < 50; n++) await connectPeer(at);
    expect((await new Peer(at).closed).code).toBe(4503);
    expect(hub.config.websocket.maxConnectionsPerUser).toBe(50);
    await connectPeer(url({ user_id: "bob" }));
  });
});
