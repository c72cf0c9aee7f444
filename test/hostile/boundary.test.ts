import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { HubProcess, startHubProcess } from "../support/hub-process/hub-process.ts";
import { connectPeer } from "../support/peer.ts";
import { connectRaw, RawPeer } from "../support/raw.ts";
import { textFrame } from "../support/wire.ts";

const login = (data: unknown): Buffer => textFrame({ id: 1, action: "robot.login", data });

const position = { epoch: "e", offset: 1 };

describe("a close reason", () => {
  it("has at most 123 bytes of whole characters, also before the login", async () => {
    const hub = await startHubProcess();
    for (const character of ["x", "é", "€", "😀", "\ud800"]) {
      for (const length of [60, 101, 5_000]) {
        const data = { resume: { [character.repeat(length)]: position } };
        const { code, reason } = await new RawPeer(hub.url(), {}, login(data)).closed;
        expect(code).toBe(4505);
        expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
        expect(reason).toMatch(/^resume: "[^\ufffd]*$/);
      }
    }
    await (await connectPeer(hub.url({ user_id: "alice" }))).caughtUp();
    expect(await hub.failures()).toEqual([]);
  });
});

/** A hub whose application fails in every callback; programs/faulty.ts lists the tokens. */
async function startFaulty(): Promise<HubProcess> {
  const child = fork(join(import.meta.dirname, "programs/faulty.ts"));
  onTestFinished(() => void child.kill());
  const [{ url }] = await once(child, "message");
  return new HubProcess(child, url.replace("http", "ws"));
}

async function assertServes(hub: HubProcess): Promise<void> {
  const peer = await connectPeer(hub.url({ token: "good" }));
  await peer.caughtUp();
  await hub.count();
  peer.socket.terminate();
}

describe("a fault of the application ends at most the connection of that call:", () => {
  it("an authenticator, in the request and by message", async () => {
    const hub = await startFaulty();
    for (const token of ["no user", "a big expiry", "null", "an unknown code", "a long message"]) {
      const inRequest = new RawPeer(hub.url({ token }));
      await inRequest.closed;
      await expect(assertServes(hub), token).resolves.toBeUndefined();
      const { code } = await new RawPeer(hub.url(), {}, login({ token })).closed;
      expect([4004, 4500]).toContain(code);
      await expect(assertServes(hub), token).resolves.toBeUndefined();
    }
    expect((await new RawPeer(hub.url(), {}, login({ token: "nothing" })).closed).code).toBe(4500);
    await assertServes(hub);
  });

  it("an authenticator at a renewal, which is refused", async () => {
    const hub = await startFaulty();
    const peer = await connectRaw(hub.url({ token: "good" }));
    peer.send({ id: 1, action: "robot.login", data: { token: "a big expiry" } });
    const reply = await eventually("the login is answered", () => peer.frames.find(({ id }) => id === 1));
    expect(reply).toMatchObject({ error: { code: "internal" } });
    await assertServes(hub);
  });

  it("a hook that throws an unknown code", async () => {
    const hub = await startFaulty();
    expect((await new RawPeer(hub.url({ token: "good", platform: "hook" })).closed).code).toBe(4004);
    await assertServes(hub);
  });

  it("a handler that throws an unknown code", async () => {
    const hub = await startFaulty();
    const peer = await connectRaw(hub.url({ token: "good" }));
    peer.send({ id: 1, action: "app.fail" });
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
    expect(JSON.stringify(peer.frames)).toContain('"internal"');
    await assertServes(hub);
  });

  it.each(["connected", "disconnected"])("a log that fails at '%s'", async (platform) => {
    const hub = await startFaulty();
    const peer = new RawPeer(hub.url({ token: "good", platform }));
    await Promise.race([peer.until(() => peer.frames.some(({ event }) => event === "welcome")), peer.closed]);
    peer.socket.end();
    await peer.closed;
    await assertServes(hub);
  });
});
