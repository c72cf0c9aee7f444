import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { httpName } from "../../../src/gateway/grpc/json.ts";
import { messageOf } from "../../../src/gateway/grpc/schema.ts";
import { routesOf } from "../../../src/gateway/http/api.ts";
import type { ApiPorts } from "../../../src/gateway/http/ports.ts";
import { API_KEY } from "../../support/keys.ts";
import { connectPeer } from "../../support/peer.ts";
import { call } from "../http/call.ts";
import { type Fields, SCHEMA, startGrpc, TIDINGS } from "./client.ts";

/** Routes of the HTTP API that are no methods, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  sendToGroup: "SendMessage with a group",
  sendText: "for forms of HTML",
  joinGroup: "AddMember under an older name",
  leaveGroup: "RemoveMember under an older name",
  socketHealth: "Health at another path",
  socketStats: "Stats at another path",
  connect: "the path of WebSockets",
  openapi: "reflection tells it",
};

/** Routes without a hub: only their descriptions are read. */
const ROUTES = routesOf({
  path: "/ws",
  backplane: {},
  publisher: {},
  metrics: {},
  limitSettings: {},
  consoles: {},
  config: {},
} as unknown as ApiPorts).filter(({ name }) => !name.endsWith("ByField"));

const namesIn = ({ fields }: DescMessage): string[] => fields.map(httpName).sort();

describe("the .proto", () => {
  it("has a method for each route of the HTTP API, and Subscribe", () => {
    const routes = ROUTES.map(({ name }) => name).filter((name) => LEFT_OUT[name] === undefined);
    const methods = TIDINGS.methods.map(({ localName }) => localName);
    expect(methods.sort()).toEqual([...routes, "subscribe"].sort());
  });

  it("has the fields of each route, in the request and in the reply", () => {
    const whole = [
      "metrics",
      "listNodes",
      "profile",
      "putLimits",
      "ready",
      "explain",
      "nodeStats",
      "nodeHistory",
      "top",
    ];
    for (const { localName, input, output } of TIDINGS.methods) {
      const route = ROUTES.find(({ name }) => name === localName);
      if (route === undefined) continue;
      if (localName !== "putLimits")
        expect(namesIn(input), localName).toEqual(Object.keys(route.takes.shape).sort());
      if (route.gives instanceof z.ZodObject && !whole.includes(localName))
        expect(namesIn(output), localName).toEqual(Object.keys(route.gives.shape).sort());
    }
  });

  it("has the same fields for a message in a batch", () => {
    const pairs = [
      ["SendMessageOperation", "SendMessageRequest"],
      ["BroadcastOperation", "BroadcastRequest"],
      ["KickOperation", "KickUserRequest"],
      ["JoinOperation", "AddMemberRequest"],
      ["LeaveOperation", "RemoveMemberRequest"],
    ];
    for (const [one, other] of pairs) {
      const [left, right] = [one, other].map((name) => namesIn(messageOf(SCHEMA, `tidings.v1.${name}`)));
      expect(left).toEqual(right);
    }
  });
});

/** An operation by both ways. */
interface Row {
  readonly method: string;
  readonly request?: Fields;
  readonly http: string;
  readonly body?: unknown;
}

/** A number that `JSON.parse` would round, and a text with every kind of character. */
const DATA = '{"exact":12345678901234567890.10,"text":"\\u0000 é 😀 \\" \\\\"}';

const ROWS: readonly Row[] = [
  {
    method: "SendMessage",
    request: { to: "bob", type: "chat", dataJson: DATA, from: "alice", count: true },
    http: "POST /ws/message",
    body: `{"to":"bob","type":"chat","data":${DATA},"from":"alice","count":true}`,
  },
  {
    method: "SendMessage",
    request: { group: "g", type: "typing", ephemeral: true, platforms: ["web"], except: ["c1"] },
    http: "POST /groups/g/send",
    body: { type: "typing", ephemeral: true, platforms: ["web"], except: ["c1"], data: null },
  },
  {
    method: "Broadcast",
    request: { type: "news", dataJson: "[1]", key: "by gRPC" },
    http: "POST /ws/broadcast",
    body: { type: "news", data: [1], key: "by HTTP" },
  },
  { method: "SearchUsers", request: { prefix: "b", limit: 1n }, http: "GET /users/search?prefix=b&limit=1" },
  { method: "SearchGroups", request: { after: "a" }, http: "GET /groups?after=a" },
  {
    method: "ReadHistory",
    request: { channel: "user:bob", limit: 1n },
    http: "GET /history?channel=user:bob&limit=1",
  },
  {
    method: "RunBatch",
    request: {
      operations: [
        { op: { case: "send", value: { to: "bob", type: "chat", dataJson: "1e400" } } },
        { op: { case: "broadcast", value: { type: "news" } } },
        { op: { case: "join", value: { user: "bob", group: "g", last: 1n } } },
        { op: { case: "leave", value: { user: "bob", group: "g" } } },
        { op: { case: "kick", value: { user: "nobody", reason: "r", noticeJson: '{"a":1}' } } },
        { op: { case: "send", value: { to: "bob", group: "g", type: "chat" } } },
      ],
    },
    http: "POST /batch",
    body: `{"operations":[{"op":"send","to":"bob","type":"chat","data":1e400},{"op":"broadcast","type":"news"},
      {"op":"join","user":"bob","group":"g","last":1},{"op":"leave","user":"bob","group":"g"},
      {"op":"kick","user":"nobody","reason":"r","notice":{"a":1}},{"op":"send","to":"bob","group":"g","type":"chat"}]}`,
  },
  { method: "ListUsers", request: { limit: 5n }, http: "GET /users?limit=5" },
  { method: "ListConnections", request: { user: "bob" }, http: "GET /users/bob/connections" },
  {
    method: "AddMember",
    request: { group: "g", user: "bob" },
    http: "POST /groups/g/members",
    body: { user: "bob" },
  },
  {
    method: "SetMemberData",
    request: { group: "g", user: "bob", dataJson: '{"seat":1.0}' },
    http: "POST /groups/g/data",
    body: { user: "bob", data: { seat: 1 } },
  },
  { method: "ListGroups", request: { user: "bob" }, http: "GET /users/bob/groups" },
  { method: "ListMembers", request: { group: "g", limit: 5n }, http: "GET /groups/g/members?limit=5" },
  { method: "CountMembers", request: { group: "g" }, http: "GET /groups/g/count" },
  { method: "RemoveMember", request: { group: "g", user: "bob" }, http: "DELETE /groups/g/members/bob" },
  {
    method: "BlockUser",
    request: { user: "eve", ms: 60_000n, reason: "spam" },
    http: "POST /users/eve/block",
    body: { ms: 60_000, reason: "spam" },
  },
  { method: "ListBlocks", request: {}, http: "GET /blocks" },
  { method: "RefreshUser", request: { user: "bob" }, http: "POST /users/bob/refresh", body: {} },
  { method: "KickUser", request: { user: "nobody" }, http: "POST /users/nobody/kick", body: {} },
  {
    method: "MintToken",
    request: { user: "bob", canJson: '{"join":["group:team-*"]}', expiresInSeconds: 60 },
    http: "POST /tokens",
    body: { user: "bob", can: { join: ["group:team-*"] }, expiresInSeconds: 60 },
  },
  { method: "SearchMessages", request: { from: "alice" }, http: "GET /messages?from=alice" },
  { method: "GetLimits", http: "GET /limits" },
  {
    method: "PutLimits",
    request: { limitsJson: '{"apiKeyRate":"off"}' },
    http: "PUT /limits",
    body: { apiKeyRate: "off" },
  },
  { method: "Explain", request: { user: "nobody" }, http: "GET /why?user=nobody" },
  { method: "BusiestGroups", request: { node: "n1" }, http: "GET /nodes/n1/groups" },
  {
    method: "SlowestConnections",
    request: { node: "n1", slowest: 3n },
    http: "GET /nodes/n1/connections?slowest=3",
  },
  { method: "Stats", http: "GET /stats" },
  { method: "ListNodes", http: "GET /nodes" },
  { method: "Health", http: "GET /health" },
  { method: "Ready", http: "GET /ready" },
];

/** Values that differ from call to call. */
const VARYING = new Set([
  "id",
  "timestamp",
  "offset",
  "token",
  "expiresAt",
  "until",
  "uptimeSeconds",
  "stored",
]);
const VARYING_ALL = new Set([
  "memory",
  "loopDelay",
  "published",
  "pending",
  "ageMs",
  "delivered",
  "outcomes",
]);

/** A reply without what varies, and without what the wire of gRPC leaves out: zero, false and empty. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  // A result of a batch, in which the client writes the name of its case.
  const { result, ...given } = value as Fields;
  const kept = Object.entries(result === "error" ? { error: given } : given)
    .filter(([name]) => !VARYING_ALL.has(name))
    .map(([name, each]) => [name, VARYING.has(name) ? typeof each : bare(each)])
    .filter(([, each]) => !isEmpty(each));
  return Object.fromEntries(kept);
}

const isEmpty = (value: unknown): boolean =>
  value === 0 || value === false || value === "" || value === null || JSON.stringify(value) === "[]";

/** The texts of data in a reply, as they were written. */
const dataIn = (text: string): string[] =>
  [...text.matchAll(/"exact":([\d.]+)/g)].map(([, digits = ""]) => digits);

describe("a method of gRPC", () => {
  it("answers as the route of HTTP does that has its name", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tidings-grpc-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const { running, client } = await startGrpc({
      messageLog: `sqlite:${join(directory, "log.db")}`,
      node: { id: "n1" },
    });
    const { token } = await client.call("MintToken", { user: "bob" });
    await connectPeer(running.url({ token: String(token) }));
    for (const { method, request, http, body } of ROWS) {
      const [verb, path = ""] = http.split(" ");
      const headers = { "x-api-key": API_KEY };
      const answer = await call(running, path, { method: verb, body, headers });
      expect(answer.status, `${http}: ${answer.text}`).toBe(200);
      const expected: unknown = JSON.parse(answer.text);
      const whole = method === "Explain" ? "explanation" : "nodes";
      const wrapped = Array.isArray(expected) || method === "Explain" ? { [whole]: expected } : expected;
      expect(bare(await client.call(method, request)), method).toEqual(bare(wrapped));
    }
    const metrics = await client.call("Metrics");
    expect(metrics.text).toContain("tidings_grpc_calls_total");
    const { profile } = await client.call("Profile", { seconds: 1n });
    expect(profile).toHaveProperty("nodes");
    const { stats } = await client.call("NodeStats", { node: "n1" });
    expect(stats).toMatchObject({ node: "n1", users: 1 });
    expect(await client.call("NodeHistory")).toMatchObject({ history: { everyMs: 5_000, silent: [] } });
    expect(await client.call("GetConfig")).toMatchObject({ config: { history: { count: 1_000 } } });
    expect(await client.call("OpenConsole")).toMatchObject({ user: expect.stringMatching(/^console-/) });
    expect(await client.call("UserSessions", { user: "bob" })).toMatchObject({ user: "bob", online: true });
    expect(await client.call("Top")).toMatchObject({ top: { node: "n1", nodes: [{ node: "n1" }] } });
    const { connections } = await client.call("ListConnections", { user: "bob" });
    const [{ id: connection } = { id: "" }] = connections as { id: string }[]; // as the .proto says
    const report = await client.call("GetConnection", { connection });
    expect(report).toMatchObject({ id: connection, user: "bob", queue: {} });
    expect(await client.call("DrainNode", { node: "n1" })).toEqual({ connections: 1 });
    const console = ["NodeHistory", "GetConfig", "OpenConsole", "UserSessions"];
    const more = ["Metrics", "Profile", "NodeStats", "Top", "GetConnection", "DrainNode", ...console];
    const called = new Set([...ROWS.map(({ method }) => method), ...more]);
    const tested = ["EditMessage", "DeleteMessage", "Subscribe"]; // below and in subscribe.test.ts
    expect([...called, ...tested].sort()).toEqual(TIDINGS.methods.map(({ name }) => name).sort());
  });

  it("keeps every digit of a number, in both directions", async () => {
    const { running, client } = await startGrpc();
    await client.call("SendMessage", { to: "bob", type: "chat", dataJson: DATA });
    const { text } = await call(running, "/history?channel=user:bob", { headers: { "x-api-key": API_KEY } });
    expect(dataIn(text)).toEqual(["12345678901234567890.10"]);
    const events = client.stream("Subscribe", { channel: "user:bob", start: { case: "first", value: true } });
    await events.next();
    const { value } = await events.next();
    expect(value?.message).toMatchObject({ dataJson: DATA });
    await events.return(undefined);
  });

  it("edits and deletes a message", async () => {
    const { client } = await startGrpc();
    const { id } = await client.call("SendMessage", { to: "bob", type: "chat", dataJson: '"a"' });
    const name = { channel: "user:bob", offset: 1n, id };
    await client.call("EditMessage", { ...name, dataJson: '"b"' });
    const edited = await client.call("ReadHistory", { channel: "user:bob" });
    expect(edited.messages).toMatchObject([{ data: "b", editedAt: expect.any(Number) }]);
    await client.call("DeleteMessage", name);
    const deleted = await client.call("ReadHistory", { channel: "user:bob" });
    expect(deleted.messages).toMatchObject([{ data: null, deletedAt: expect.any(Number) }]);
  });

  it("mints a token that never expires for an infinite time, where the server permits it", async () => {
    const { client } = await startGrpc({ jwt: { secret: "s".repeat(32), requireExpiry: false } });
    const reply = await client.call("MintToken", { user: "bob", expiresInSeconds: Number.POSITIVE_INFINITY });
    expect(reply).toEqual({ token: expect.any(String) });
  });
});

describe("a refusal", () => {
  it("has the code of gRPC, and the code and message of the HTTP API as its details", async () => {
    const { running, client } = await startGrpc();
    const refused = await client.call("SendMessage", { to: "bob" }).catch(ConnectError.from);
    expect(refused).toBeInstanceOf(ConnectError);
    const { code, rawMessage } = refused as ConnectError;
    const answer = await call(running, "/ws/message", {
      body: { to: "bob" },
      headers: { "x-api-key": API_KEY },
    });
    expect(answer.body.error).toEqual({ code: "bad_request", message: rawMessage });
    expect(code).toBe(Code.InvalidArgument);
    const info = (refused as ConnectError).findDetails(messageOf(SCHEMA, "google.rpc.ErrorInfo"));
    expect(info).toMatchObject([{ reason: "bad_request", domain: "tidings" }]);
  });

  it("says which field holds no JSON", async () => {
    const { client } = await startGrpc();
    const hostile = ["{", '1,"to":"eve"', "NaN", '"\n"', "[".repeat(10_000)];
    for (const dataJson of hostile) {
      const call = client.call("SendMessage", { to: "bob", type: "chat", dataJson });
      await expect(call, dataJson).rejects.toMatchObject({
        code: Code.InvalidArgument,
        rawMessage: expect.stringMatching(/^data_json: expected /),
      });
    }
  });

  it("takes no time that is not a number for an endless one", async () => {
    const { client } = await startGrpc();
    for (const expiresInSeconds of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      await expect(client.call("MintToken", { user: "bob", expiresInSeconds })).rejects.toMatchObject({
        code: Code.InvalidArgument,
        rawMessage: `expires_in_seconds: expected a number, got ${expiresInSeconds}`,
      });
    }
  });

  it("tells when to come again", async () => {
    const { client } = await startGrpc({ limits: { apiKeyRate: "1-M" } });
    await client.call("Stats");
    const refused = await client.call("Stats").catch((error: unknown) => error as ConnectError);
    if (!(refused instanceof ConnectError)) throw new Error("it was not refused");
    expect(refused.code).toBe(Code.ResourceExhausted);
    const [retry] = refused.findDetails(messageOf(SCHEMA, "google.rpc.RetryInfo")) as unknown as [
      { readonly retryDelay: { readonly seconds: bigint } },
    ];
    expect(Number(retry.retryDelay.seconds)).toBeGreaterThan(0);
    expect(Number(refused.metadata.get("grpc-retry-pushback-ms"))).toBeGreaterThan(0);
  });

  it("comes when the deadline is over, or the caller gives up", async () => {
    const { client } = await startGrpc();
    const unread = { to: "bob", type: "chat", ack: true, timeoutMs: 60_000 };
    const overdue = client.call("SendMessage", unread, { timeoutMs: 50 });
    await expect(overdue).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    const caller = new AbortController();
    const given = client.call("SendMessage", unread, { signal: caller.signal });
    caller.abort();
    await expect(given).rejects.toMatchObject({ code: Code.Canceled });
    const { messages } = await client.call("ReadHistory", { channel: "user:bob" });
    expect(messages).not.toEqual([]);
  });
});
