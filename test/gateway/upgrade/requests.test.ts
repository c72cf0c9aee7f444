import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHub, type Hub } from "../../../src/index.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { connectTo, RawPeer } from "../../support/raw.ts";
import { call } from "../http/call.ts";

/** The answer to a request as it is written here, byte for byte. */
async function answerTo(url: string, request: string): Promise<string> {
  const socket = connectTo(url);
  socket.write(request);
  let answer = "";
  for await (const chunk of socket) {
    answer += String(chunk);
    if (answer.includes("\r\n\r\n")) break;
  }
  return answer;
}

describe("a request", () => {
  it.each(["GET", "HEAD"])(
    "by %s in HTTP/1.0 without Host is answered, as health checks of HAProxy send it",
    async (method) => {
      const { at } = await startHub();
      for (const path of ["/ready", "/health"]) {
        const socket = connectTo(at.url);
        socket.write(`${method} ${path} HTTP/1.0\r\n\r\n`);
        const [chunk] = await once(socket, "data");
        expect(String(chunk)).toMatch(/^HTTP\/1\.[01] 200 /);
      }
    },
  );

  it("with an absolute target is answered, also for an upgrade", async () => {
    const { at, url } = await startHub();
    const target = `http://127.0.0.1:${at.port}`;
    const host = `Host: 127.0.0.1:${at.port}`;
    const answer = await answerTo(
      at.url,
      `GET ${target}/ready HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    const upgrade = [
      `GET ${target}/ws?user_id=alice HTTP/1.1`,
      host,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ].join("\r\n");
    expect(await answerTo(url(), `${upgrade}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 101 /);
  });

  it.each([
    ["GET", "/ws/message", "POST"],
    ["PUT", "/ws/broadcast", "POST"],
    ["GET", "/send?uid=bob&message=hi", "POST"],
    ["POST", "/nodes", "GET, HEAD"],
    ["DELETE", "/users", "GET, HEAD"],
    ["PATCH", "/groups/g1/members", "GET, POST, HEAD"],
    ["POST", "/ready", "GET, HEAD"],
  ])("%s %s gets 405 and the methods that are allowed", async (method, path, allow) => {
    const running = await startHub();
    const answer = await call(running, path, { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
    expect(answer.body).toMatchObject({
      error: { code: "bad_request", message: expect.stringContaining(allow) },
    });
  });

  it("to a path that does not exist still gets 404", async () => {
    expect((await call(await startHub(), "/nowhere", { method: "PUT" })).status).toBe(404);
  });

  it.each<[string, string]>([
    ['{"type":"chat","to":"bob",}', "position 26"],
    ["{type:1}", "position 1"],
    ['{"a":"b"', "position 8"],
  ])("with the body %s is told where the mistake is", async (body, where) => {
    const running = await startHub();
    const { error } = (await call(running, "/ws/message", { body })).body as { error: { message: string } };
    expect(error.message).toContain(where);
    const peer = await connectPeer(running.url({ user_id: "alice" }));
    peer.send(body);
    const frame = await peer.next((each) => each.error !== undefined);
    expect(frame).toMatchObject({ error: { code: "bad_request", message: expect.stringContaining(where) } });
  });
});

describe("a hub that drains", () => {
  it("answers 503 at /ready until the end, and refuses upgrades in words", async () => {
    const running = await startHub({ shutdown: { drainMs: 60_000 } });
    const slow = new RawPeer(running.url({ user_id: "bob" }));
    slow.answersClose = false;
    await slow.until(() => slow.frames.length > 0);
    slow.socket.pause();
    // More than the sockets take, so that the drain has to wait.
    for (let n = 0; n < 200; n++) await running.hub.user("bob").send({ type: "n", data: "x".repeat(64_000) });
    const closing = running.hub.close();
    const ready = await call(running, "/ready");
    expect([ready.status, ready.body]).toMatchObject([503, { ready: false, reasons: ["draining"] }]);
    expect(await Peer.refusal(running.url({ user_id: "carol" }))).toBe(503);
    slow.socket.destroy();
    await closing;
    await expect(call(running, "/ready")).rejects.toThrow();
  });
});

/** A hub on an application's own server, which also gets the hub's HTTP API. */
async function attached(prepare: (hub: Hub<Record<string, unknown>>) => ReturnType<typeof createServer>) {
  const hub = createHub({ logLevel: "silent" });
  const server = prepare(hub);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    await hub.close();
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("mistakes with an application's server", () => {
  it("attaching twice is harmless", async () => {
    const base = await attached((hub) => {
      const server = createServer(hub.handler);
      hub.attach(server).attach(server);
      return server;
    });
    const peer = await connectPeer(`${base.replace("http", "ws")}/ws?user_id=alice`);
    await peer.caughtUp();
  });

  it.each<[string, unknown]>([
    ["an Express application", express()],
    ["a Fastify instance", Fastify()],
    ["a Hono application", new Hono()],
    ["nothing", undefined],
    ["a port", 8080],
  ])("attaching %s says what to write", (_what, app) => {
    const hub = createHub({ logLevel: "silent" });
    onTestFinished(() => hub.close());
    expect(() => hub.attach(app as never)).toThrow(/attach: expected the HTTP server.*createServer\(app\)/);
  });

  it.each(["connection", "disconnection", "close", "error "])(
    "a hook called %j is an error that lists the names",
    (name) => {
      const hub = createHub({ logLevel: "silent" });
      onTestFinished(() => hub.close());
      const listen = (): unknown => hub.on(name as never, () => undefined);
      expect(listen).toThrow(/on: expected one of connect, .*offline/);
      if (name === "connection") expect(listen).toThrow(/Did you mean connect\?/);
    },
  );

  it("express.json() in front of the hub gets an answer that says what to write", async () => {
    const base = await attached((hub) => {
      const app = express();
      app.use(express.json());
      app.use(hub.handler);
      return createServer(app);
    });
    const headers = { "content-type": "application/json" };
    const body = '{"to":"bob","type":"chat"}';
    const answer = await fetch(`${base}/ws/message`, { method: "POST", headers, body });
    expect([answer.status, await answer.text()]).toEqual([
      500,
      expect.stringContaining("before app.use(express.json())"),
    ]);
    expect((await fetch(`${base}/ready`)).status).toBe(200);
  });
});
