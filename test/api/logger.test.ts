import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHub, type HubOptions, type Logger } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { connectPeer } from "../support/peer.ts";

type Line = [level: string, ...given: unknown[]];

/** A logger that is an object with methods. */
function recorder(levels: readonly string[]): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const methods = levels.map((level) => [level, (...given: unknown[]) => lines.push([level, ...given])]);
  return { logger: Object.fromEntries(methods), lines };
}

async function connectOnce(options: HubOptions): Promise<void> {
  const hub = createHub(options);
  const { port } = await hub.listen({ port: 0, host: "127.0.0.1" });
  hub.on("join", () => {
    throw new Error("the listener failed");
  });
  const peer = await connectPeer(`ws://127.0.0.1:${port}/ws?user_id=alice`);
  await peer.request("group.join", { group: "g" });
  await hub.close();
}

describe("a logger of the application", () => {
  it("gets the text first, and needs no more than info, warn and error", async () => {
    const { logger, lines } = recorder(["info", "warn", "error"]);
    await connectOnce({ logger, logLevel: "debug" });
    expect(lines).toContainEqual(["info", "connected", expect.objectContaining({ user: "alice" })]);
    expect(lines).toContainEqual([
      "warn",
      expect.stringContaining("development mode"),
      { node: expect.any(String) },
    ]);
    expect(lines).toContainEqual([
      "error",
      "failed: the listener failed",
      expect.objectContaining({ stage: "join hook", user: "alice", err: expect.any(Error) }),
    ]);
  });

  it("gets lines of the level debug when the configuration says so, and it has the method", async () => {
    const levels = ["info", "warn", "error", "debug"];
    const loud = recorder(levels);
    await connectOnce({ logger: loud.logger, logLevel: "debug" });
    await eventually("the line of the request", () =>
      loud.lines.some(([level, text]) => level === "debug" && text === "joined"),
    );
    const quiet = recorder(levels);
    await connectOnce({ logger: quiet.logger, logLevel: "info" });
    expect(quiet.lines.filter(([level]) => level === "debug")).toEqual([]);
  });

  it("of pino gets the fields first", async () => {
    const lines: { msg: string; user?: string; err?: { message: string } }[] = [];
    const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    await connectOnce({ logger });
    expect(lines).toContainEqual(expect.objectContaining({ msg: "connected", user: "alice" }));
    expect(lines).toContainEqual(
      expect.objectContaining({
        msg: "failed",
        err: expect.objectContaining({ message: "the listener failed" }),
      }),
    );
  });

  it.each([[{}], [{ info() {}, warn() {} }], ["console"]])("that is %j is an error", (logger) => {
    expect(() => createHub({ logger: logger as never })).toThrow(
      /logger: expected an object with the methods info, warn and error.*(info|error) is missing/,
    );
  });
});

describe("Hono's serve()", () => {
  it("returns a server to which a hub can be attached", async () => {
    const hub = createHub({ logLevel: "silent" });
    const app = new Hono().get("/", (context) => context.text("the application"));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    hub.attach(server);
    await once(server, "listening");
    onTestFinished(async () => {
      await hub.close();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("the application");
    const peer = await connectPeer(`ws://127.0.0.1:${port}/ws?user_id=alice`);
    await hub.user("alice").send({ type: "chat", data: 1 });
    await peer.next(({ type }) => type === "chat");
  });

  it("with an HTTP/2 server that takes no WebSockets is an error that says what to write", () => {
    const hub = createHub({ logLevel: "silent" });
    onTestFinished(() => hub.close());
    const server = serve({ fetch: () => new Response(), port: 0, createServer: createHttp2Server });
    onTestFinished(() => void server.close());
    expect(() => hub.attach(server)).toThrow(/HTTP\/2 server without TLS.*allowHTTP1/);
  });
});
