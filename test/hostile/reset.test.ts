import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { HubProcess, startHubProcess } from "../support/hub-process/hub-process.ts";
import { connectPeer } from "../support/peer.ts";
import { connectTo, upgradeRequest } from "../support/raw.ts";
import { textFrame } from "../support/wire.ts";

/** An application's own process with a hub attached; with `shared`, another listener ignores the upgrades too. */
async function startEmbedded(...how: string[]): Promise<HubProcess> {
  const child = fork(join(import.meta.dirname, "programs/embedding.ts"), how);
  onTestFinished(() => void child.kill());
  const [{ url }] = await once(child, "message");
  return new HubProcess(child, url.replace("http", "ws"));
}

const HOSTS: [string, () => Promise<HubProcess>][] = [
  ["the hub's own server", () => startHubProcess()],
  ["an application's server", () => startEmbedded()],
  ["an application's server with another upgrade listener", () => startEmbedded("shared")],
];

type Moment = "at once" | "later";

const H2C = {
  Upgrade: "h2c",
  Connection: "Upgrade, HTTP2-Settings",
  "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA",
};

/** Bytes that a client sends before it resets the connection, by the name of the step. */
function requests(hub: HubProcess): Record<string, string> {
  const elsewhere = hub.url().replace("/ws?", "/elsewhere");
  const alice = hub.url({ user_id: "alice" });
  const post = (text: string): string =>
    text.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 9\r\n\r\nsome body");
  return {
    "a path that nobody takes": upgradeRequest(elsewhere),
    h2c: upgradeRequest(elsewhere, H2C),
    "h2c by POST": post(upgradeRequest(elsewhere, H2C)),
    "h2c at the hub's path": upgradeRequest(alice, H2C),
    "h2c by POST at the hub's path": post(upgradeRequest(alice, H2C)),
    "a parameter that is refused": upgradeRequest(hub.url({ user_id: "\n" })),
    "a host that is refused": upgradeRequest(alice, { Host: "example.com" }),
    "a version that is refused": upgradeRequest(alice, { "Sec-WebSocket-Version": "7" }),
    "an upgrade behind a request": `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n${upgradeRequest(elsewhere)}`,
    CONNECT: "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "half a body": "POST /ws/message HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{",
    "an answer that is not read": "GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(20),
    "a connection without a login": upgradeRequest(hub.url()),
    "a connection": upgradeRequest(alice),
  };
}

/** Sends the bytes and resets the connection, at once or when the server has read them. */
async function reset(hub: HubProcess, bytes: string | Buffer, moment: Moment = "at once"): Promise<void> {
  const socket = connectTo(hub.url());
  await once(socket, "connect");
  await new Promise((done) => socket.write(bytes, done));
  // Questions are answered in turns of the event loop, and each turn reads what has arrived.
  if (moment === "later") for (let turn = 0; turn < 3; turn++) await hub.failures();
  socket.resetAndDestroy();
}

/** Rejects when the process has ended. */
async function assertServes(hub: HubProcess): Promise<void> {
  const peer = await connectPeer(hub.url({ user_id: "bob" }));
  await peer.caughtUp();
  await hub.count();
  peer.socket.terminate();
}

describe.each(HOSTS)("a TCP reset at %s", (_host, start) => {
  it("after any upgrade, refused or not, ends nothing but its socket", async () => {
    const hub = await start();
    for (const [step, bytes] of Object.entries(requests(hub))) {
      for (const moment of ["at once", "later", "at once", "later"] as const) await reset(hub, bytes, moment);
      await expect(assertServes(hub), step).resolves.toBeUndefined();
    }
    expect(await hub.failures()).toEqual([]);
  });

  it("at any byte of an upgrade that is refused ends nothing but its socket", async () => {
    const hub = await start();
    const bytes = Buffer.concat([Buffer.from(requests(hub).h2c ?? ""), textFrame("early")]);
    for (let end = 1; end <= bytes.length; end += 7) await reset(hub, bytes.subarray(0, end));
    await assertServes(hub);
    expect(await hub.failures()).toEqual([]);
  });
});
