import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { createHub } from "../../src/index.ts";
import { call } from "../gateway/http/call.ts";
import { startHub } from "../support/hub.ts";
import { API_KEY, SECRET } from "../support/keys.ts";
import { connectPeer, Peer } from "../support/peer.ts";
import { registerSpans, treeOf } from "./spans.ts";

const spans = registerSpans();

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: "vendor=a, other=b" };

describe("a message", () => {
  it("is one trace, from the caller of the HTTP API to the delivery", async () => {
    const running = await startHub({
      tracing: true,
      apiKey: API_KEY,
      jwt: { secret: SECRET },
      node: { id: "n1" },
    });
    const { hub, url } = running;
    const bob = await connectPeer(url({ token: await hub.token({ user: "bob" }) }));
    const headers = { "x-api-key": API_KEY, "x-request-id": "theirs", ...CALLER };
    const sent = await call(running, "/ws/message", {
      body: { to: "bob", type: "chat", data: "Hello" },
      headers,
    });
    const push = await bob.frame("chat");

    const request = await spans.one("POST /ws/message");
    const own = spans.all.filter((span) => span.spanContext().traceId === TRACE);
    expect(treeOf(own)).toEqual({
      "POST /ws/message": { "publish user:{id}": { "append user:{id}": {}, "deliver user:{id}": {} } },
    });
    expect(request).toMatchObject({
      kind: SpanKind.SERVER,
      parentSpanContext: { spanId: "b7ad6b7169203331", isRemote: true },
      attributes: {
        "http.request.method": "POST",
        "http.route": "/ws/message",
        "http.response.status_code": 200,
        "url.path": "/ws/message",
        "client.address": "127.0.0.1",
        "tidings.request.id": sent.headers.get("x-request-id"),
        "tidings.node.id": "n1",
      },
    });
    expect((await spans.one("publish user:{id}")).attributes).toEqual({
      "messaging.system": "tidings",
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "messaging.destination.name": "user:bob",
      "messaging.destination.template": "user:{id}",
      "messaging.message.id": push.id,
      "tidings.message.type": "chat",
      "tidings.node.id": "n1",
      "tidings.receipt.state": "delivered",
      "tidings.connections": 1,
      "tidings.nodes": 0,
      "tidings.message.offset": 1,
    });
    expect(await spans.one("deliver user:{id}")).toMatchObject({
      kind: SpanKind.CONSUMER,
      attributes: { "messaging.operation.type": "process", "tidings.connections": 1, "tidings.dropped": 0 },
    });
    expect((await spans.one("deliver user:{id}")).parentSpanContext?.traceState?.serialize()).toBe(
      "vendor=a,other=b",
    );
    expect(Object.keys(push).sort()).toEqual(["data", "id", "offset", "timestamp", "to", "type"]);
  });

  it("has one span of its delivery on a node, however many connections it reaches", async () => {
    const { hub, url } = await startHub({ tracing: true });
    const peers = await Promise.all(["a", "b", "c"].map((user) => connectPeer(url({ user_id: user }))));
    for (const peer of peers) await peer.request("group.join", { group: "g1" });
    await hub.group("g1").send({ type: "news", ephemeral: true });
    expect((await spans.one("deliver group:{id}")).attributes).toMatchObject({ "tidings.connections": 3 });
    expect(treeOf(spans.all)).toMatchObject({ "publish group:{id}": { "deliver group:{id}": {} } });
  });

  it("of one call to many users has one publish", async () => {
    const { hub, url } = await startHub({ tracing: true });
    await Promise.all(["a", "b"].map((user) => connectPeer(url({ user_id: user }))));
    await hub.users(["a", "b", "c"]).send({ type: "news" });
    const publish = await spans.one("publish user:{id}");
    expect(publish.attributes).toMatchObject({ "messaging.batch.message_count": 3 });
    const parents = spans
      .named("deliver user:{id}")
      .map(({ parentSpanContext }) => parentSpanContext?.spanId);
    expect(new Set(parents)).toEqual(new Set([publish.spanContext().spanId]));
  });

  it("that fails has the code of its error", async () => {
    const { hub } = await startHub({ tracing: true });
    const failed = hub.group("g1").send({ type: "news", ack: true });
    await expect(failed).rejects.toMatchObject({ code: "bad_request" });
    expect(await spans.one("publish group:{id}")).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { "error.type": "bad_request" },
    });
  });

  it("that is edited is traced by its notice", async () => {
    const { hub } = await startHub({ tracing: true });
    const { id, offset = 0 } = await hub.group("g1").send({ type: "news", data: 1 });
    await hub.edit("group:g1", { id, offset, data: 2 });
    const [, edit] = await spans.take(2, "publish group:{id}");
    expect(edit?.attributes).toMatchObject({
      "tidings.message.type": "message.edited",
      "tidings.message.offset": 2,
    });
  });
});

describe("a request of a client", () => {
  it("is a trace, in which its handler publishes", async () => {
    const { hub, url } = await startHub({ tracing: true });
    hub.action("order.ship", async () => {
      const own = trace.getTracer("the application").startSpan("pack");
      own.end();
      return hub.user("bob").send({ type: "shipped" });
    });
    const alice = await connectPeer(url({ user_id: "alice" }));
    const { connection } = await alice.frame("welcome");
    await alice.request("order.ship");
    const request = await spans.one("order.ship");
    expect(request).toMatchObject({
      kind: SpanKind.SERVER,
      attributes: { "rpc.method": "order.ship", "user.id": "alice", "tidings.connection.id": connection },
    });
    const own = spans.all.filter((span) => span.spanContext().traceId === request.spanContext().traceId);
    expect(treeOf(own)).toMatchObject({ "order.ship": { pack: {}, "publish user:{id}": {} } });
  });

  it("has a bounded name, and the code of its error", async () => {
    const { hub, url } = await startHub({ tracing: true });
    hub.action("order.ship", () => Promise.reject(new Error("out of paper")));
    const alice = await connectPeer(url({ user_id: "alice" }));
    await alice.request("order.ship");
    await alice.request("order.steal");
    expect(await spans.one("order.ship")).toMatchObject({ status: { code: SpanStatusCode.ERROR } });
    expect((await spans.one("unknown")).attributes).toMatchObject({ "error.type": "unknown_action" });
  });

  it.each([true, false])("that is a message is a trace too (middleware: %s)", async (hasMiddleware) => {
    const { hub, url } = await startHub({ tracing: true });
    if (hasMiddleware) hub.use((_context, next) => next());
    const alice = await connectPeer(url({ user_id: "alice" }));
    alice.send({ id: 1, type: "chat", to: "bob", data: "Hello" });
    await alice.next(({ id }) => id === 1);
    const message = await spans.one("message.send");
    const own = spans.all.filter((span) => span.spanContext().traceId === message.spanContext().traceId);
    expect(treeOf(own)).toMatchObject({
      "message.send": { "publish user:{id}": { "deliver user:{id}": {} } },
    });
  });
});

describe("a login", () => {
  it("is a span, with its user or the code of its error", async () => {
    const { hub, url } = await startHub({ tracing: true, jwt: { secret: SECRET } });
    const peer = await connectPeer(url({ token: await hub.token({ user: "bob" }) }));
    await new Peer(url({ token: "none" })).closed;
    await peer.request("robot.login", { token: await hub.token({ user: "bob" }) });
    const logins = (await spans.take(3, "login")).map(({ attributes }) => attributes);
    expect(logins).toMatchObject([
      { "tidings.login.by": "request", "user.id": "bob" },
      { "tidings.login.by": "request", "error.type": "unauthorized" },
      { "tidings.login.by": "renewal", "user.id": "bob" },
    ]);
  });
});

describe("a request to the HTTP API", () => {
  it("begins its own trace for callers without a key, and has none for probes", async () => {
    const running = await startHub({ tracing: true, apiKey: API_KEY, jwt: { secret: SECRET } });
    for (const path of ["/nodes", "/secret", "/health", "/ready", "/metrics"])
      await call(running, path, { headers: CALLER });
    expect(spans.all.map(({ name }) => name)).toEqual(["GET /nodes", "GET"]);
    for (const span of spans.all) {
      expect(span.parentSpanContext).toBeUndefined();
      expect(span.spanContext().traceId).not.toBe(TRACE);
    }
  });

  it("is a part of the span around it", async () => {
    const { hub } = await startHub({ tracing: true });
    const around = trace.getTracer("a framework").startSpan("GET /api");
    await context.with(trace.setSpan(context.active(), around), () =>
      hub.fetch(new Request("http://localhost/nodes", { headers: CALLER }), "127.0.0.1"),
    );
    expect(await spans.one("GET /nodes")).toMatchObject({
      kind: SpanKind.INTERNAL,
      parentSpanContext: { spanId: around.spanContext().spanId },
    });
  });
});

describe("the option tracing", () => {
  it("takes a tracer, and nothing else", () => {
    for (const tracing of ["yes", {}, []])
      expect(() => createHub({ tracing: tracing as never })).toThrow(/tracing: expected/);
  });

  it("is off by default: no message carries anything", async () => {
    const { hub } = await startHub();
    const traces: unknown[] = [];
    hub.on("delivered", ({ message }) => traces.push("trace" in message && message.trace));
    await hub.user("bob").send({ type: "n" });
    expect(traces).toEqual([undefined]);
    expect(spans.all).toEqual([]);
  });
});
