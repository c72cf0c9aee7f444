import { request } from "node:http";
import { Writable } from "node:stream";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { type HubOptions, TidingsError } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";
import { call } from "../http/call.ts";

type Line = Record<string, unknown>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const PROXY = ["127.0.0.0/8"];

/** A hub that keeps the lines of its log. */
async function loggedHub(options: HubOptions = {}): Promise<RunningHub & { readonly lines: Line[] }> {
  const lines: Line[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const node = { id: "n7" };
  const hub = await startHub({ node, ...options, logger: pino({ level: "debug", base: null }, stream) });
  return { ...hub, lines };
}

/** Asks with an id of the caller's own. @returns the id of the answer */
const answeredId = async (running: RunningHub, given: string): Promise<string | null> =>
  (await call(running, "/nodes", { headers: { "x-request-id": given } })).headers.get("x-request-id");

/** Asks for an upgrade that is refused. @returns the id of the answer */
function refusedId(url: string, headers: Record<string, string>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers }, (response) => {
      response.resume();
      resolve(response.headers["x-request-id"]);
    });
    asked.on("error", reject).end();
  });
}

describe("the id of an HTTP request", () => {
  it.each(["3f1c2ab4", "Root=1-67891233-abcdef", "a/b:c+d_e.f", "x".repeat(128)])(
    "is that of a trusted proxy: %s",
    async (given) => {
      expect(await answeredId(await loggedHub({ trustProxy: PROXY }), given)).toBe(given);
    },
  );

  it.each(["", "x".repeat(129), "a b", "é", 'a"b', "{}", "a,b"])(
    "is a new one when it has not the form of one: %j",
    async (given) => {
      expect(await answeredId(await loggedHub({ trustProxy: PROXY }), given)).toMatch(UUID);
    },
  );

  it("is a new one when the peer is no trusted proxy", async () => {
    const running = await loggedHub();
    const ids = [await answeredId(running, "mine"), await answeredId(running, "mine")];
    expect(ids).toEqual([expect.stringMatching(UUID), expect.stringMatching(UUID)]);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it("is in every line that the request has caused, and in the answer of a failure", async () => {
    const running = await loggedHub({ trustProxy: PROXY });
    const { hub, lines } = running;
    hub.endpoint({
      ...{ name: "fail", path: "/fail", summary: "fails", access: "open" },
      takes: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
      handle: async () => {
        await hub.user("alice").send({ type: "note" });
        throw new Error("out of paper");
      },
    });
    const failed = await call(running, "/fail", { body: {}, headers: { "x-request-id": "r-1" } });
    const refused = await call(running, "/fail", { headers: { "x-request-id": "r-2" } });

    expect(failed).toMatchObject({ status: 500, body: { error: { code: "internal", requestId: "r-1" } } });
    expect(refused.body.error).not.toHaveProperty("requestId");
    const caused = lines.filter(({ requestId }) => requestId === "r-1").map(({ msg }) => msg);
    expect(caused).toEqual(["published", "failed", "HTTP request"]);
    expect(lines.filter(({ requestId }) => requestId === "r-2").map(({ msg }) => msg)).toEqual([
      "HTTP request",
    ]);
  });

  it("is that of a WebSocket too: in its answer, its lines, and for hooks and authenticators", async () => {
    const asked: unknown[] = [];
    const auth = {
      mode: "token" as const,
      onlyTokens: true,
      authenticate: async ({ token, request }: { token?: string; request?: { id: string } }) => {
        asked.push(request?.id);
        if (token !== "good") throw new TidingsError("unauthorized", "the token is not valid");
        return { user: "alice" };
      },
    };
    const { hub, lines, url, at } = await loggedHub({ trustProxy: PROXY, auth });
    const refused = new Promise<unknown>((resolve) =>
      hub.on("refused", ({ requestId }) => resolve(requestId)),
    );
    const disconnected = new Promise((resolve) => hub.on("disconnect", resolve));
    const upgraded = Promise.withResolvers<unknown>();
    const peer = await connectPeer(url({ token: "good" }), {
      headers: { "x-request-id": "ws-1" },
      finishRequest: (request) => {
        request.on("upgrade", ({ headers }) => upgraded.resolve(headers["x-request-id"]));
        request.end();
      },
    });
    expect(await upgraded.promise).toBe("ws-1");
    await peer.close();
    await disconnected;
    const elsewhere = { upgrade: "websocket", connection: "upgrade", "x-request-id": "ws-2" };
    expect(await refusedId(`${at.url}/elsewhere`, elsewhere)).toBe("ws-2");

    expect(await refused).toBe("ws-2");
    expect(asked).toEqual(["ws-1"]);
    const own = lines.filter(({ requestId }) => requestId === "ws-1");
    expect(own.map(({ msg }) => msg)).toEqual(["connected", "disconnected"]);
    expect(lines.find(({ msg }) => msg === "refused")).toMatchObject({
      requestId: "ws-2",
      code: "not_found",
    });
  });
});

describe("every line of a connection", () => {
  it("names connection, user and node: also a failure of its requests, its messages and its hooks", async () => {
    const { hub, lines, url } = await loggedHub({ logLevel: "debug" });
    hub.action("order.ship", () => Promise.reject(new Error("out of paper")));
    hub.on("message", () => Promise.reject(new Error("out of ink")));
    hub.on("leave", () => {
      throw new Error("out of glue");
    });
    const alice = await connectPeer(url({ user_id: "alice" }));
    const { connection } = await alice.frame("welcome");
    await alice.request("order.ship");
    alice.send({ id: 1, type: "chat", to: "bob", data: "Hello" });
    await alice.next(({ id }) => id === 1);
    await alice.request("group.join", { group: "g1" });
    await alice.request("group.leave", { group: "g1" });
    await alice.close();
    await eventually("the end is logged", () => lines.some(({ msg }) => msg === "disconnected"));

    const own = lines.filter(({ msg }) =>
      ["connected", "joined", "left", "request", "failed", "disconnected"].includes(String(msg)),
    );
    expect(own.filter(({ msg }) => msg === "failed").map(({ stage }) => stage)).toEqual([
      "order.ship",
      "message hook",
      "leave hook",
    ]);
    for (const line of own) expect(line).toMatchObject({ connection, user: "alice", node: "n7" });
    for (const line of lines) expect(line.node).toBe("n7");
  });
});
