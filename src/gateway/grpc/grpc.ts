import { createServer } from "node:http2";
import type { DescMethod, FileRegistry, Message } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createConnectRouter,
  type HandlerContext,
  type MethodImpl,
} from "@connectrpc/connect";
import { TidingsError } from "../../protocol/protocol.ts";
import type { Listeners } from "../../publish/publish.ts";
import type { Callers } from "../callers.ts";
import { hasAccess } from "../http/access.ts";
import type { ApiPorts } from "../http/ports.ts";
import type { Route } from "../http/route.ts";
import { type Address, type ListenOptions, listen } from "../http/server.ts";
import type { GrpcCounts } from "../metrics/metrics.ts";
import { Errors } from "./errors.ts";
import { Health } from "./health.ts";
import { Operations, PEER, type Respond } from "./operations.ts";
import { Reflection } from "./reflection.ts";
import { Requests, type RequestTimes } from "./requests.ts";
import { readSchema, SERVICE, serviceOf } from "./schema.ts";
import { type SessionLimits, Sessions } from "./sessions.ts";
import { Subscriptions } from "./subscriptions.ts";

export interface GrpcPorts extends Pick<ApiPorts, "apiKeys" | "development" | "neighbours" | "report"> {
  /** Routes of the HTTP API: the methods are the same operations. */
  readonly routes: readonly Route[];
  readonly respond: Respond;
  readonly callers: Callers;
  readonly listeners: Listeners;
  readonly counts: GrpcCounts;
  readonly maxMessageBytes: number;
  /** Streams of this node. */
  readonly maxStreams: number;
  readonly sessions: Omit<SessionLimits, "pingMs">;
  /** Times of hostile or broken clients. @default those that docs/GRPC.md tells */
  readonly times?: Partial<RequestTimes & Pick<SessionLimits, "pingMs">>;
}

/** Times as docs/GRPC.md tells them, in milliseconds. */
const TIMES = { requestMs: 30_000, unreadMs: 60_000, pingMs: 30_000 };

/** Calls that a session may have at the same time. */
const MAX_CALLS = 1_000;

/** Longest request of a standard service, which has a name or two: the health service needs no key, and a session may have many calls. */
const MAX_STANDARD_BYTES = 4_096;

/** Time in which calls end when the server closes, in milliseconds. */
const CLOSE_MS = 2_000;

/** A server of gRPC that listens. */
export interface GrpcServer {
  readonly at: Address;
  /** Ends all streams with `unavailable`: their clients go on at another node. Other calls are answered as before. */
  drain(): void;
  /** Lets the calls in flight end, for a moment, and closes everything. */
  close(): Promise<void>;
}

/** Opens a server of gRPC on a port of its own. Rejects when it cannot listen. */
export async function openGrpc(ports: GrpcPorts, where: ListenOptions): Promise<GrpcServer> {
  const draining = new AbortController();
  const times = { ...TIMES, ...ports.times };
  const router = createConnectRouter({ connect: false, grpcWeb: false, acceptCompression: [] });
  const closing = new AbortController();
  addServices(router, ports, { draining: draining.signal, closing: closing.signal });
  const { listener } = new Requests(router.handlers, ports.counts, times);
  const settings = { maxConcurrentStreams: MAX_CALLS, enablePush: false };
  const server = createServer({ settings }, listener);
  const sessions = new Sessions({ ...ports.sessions, pingMs: times.pingMs });
  sessions.watch(server);
  ports.counts.watch(sessions);
  const at = await listen(server, where, "grpc.port, GRPC_PORT");
  const drain = (): void => {
    draining.abort(new TidingsError("unavailable", "the node is closing"));
    if (where.reusePort === true) server.close(); // new clients go to the other processes of the port
  };
  return {
    at,
    drain,
    async close() {
      drain();
      closing.abort();
      server.close();
      await sessions.close(CLOSE_MS);
    },
  };
}

interface Ends {
  /** Aborted when the node drains. */
  readonly draining: AbortSignal;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
}

function addServices(router: ConnectRouter, ports: GrpcPorts, { draining, closing }: Ends): void {
  const schema = readSchema();
  const errors = new Errors(schema, ports.report ?? (() => undefined));
  const operations = new Operations({ ...ports, errors });
  const subscriptions = new Subscriptions({ ...ports, schema, errors, draining });
  for (const method of serviceOf(schema, SERVICE.tidings).methods)
    addOperation(router, method, { ...ports, operations, subscriptions });
  addStandardServices(router, schema, { ...ports, operations, closing });
}

interface AccessParts extends Pick<GrpcPorts, "apiKeys" | "development" | "neighbours" | "callers"> {
  readonly operations: Operations;
}

interface OperationParts extends AccessParts {
  readonly maxMessageBytes: number;
  readonly subscriptions: Subscriptions;
}

/** Adds a method of the HTTP API's operations, or the stream of a channel, for which the right to read its history is needed. */
function addOperation(router: ConnectRouter, method: DescMethod, parts: OperationParts): void {
  const { operations, subscriptions, maxMessageBytes } = parts;
  const isStream = method.methodKind !== "unary";
  const route = operations.routeOf(isStream ? "readHistory" : method.localName);
  const readable = (channel: string, context: HandlerContext): Promise<void> =>
    operations.assertAnswered(route, context, `?${new URLSearchParams({ channel, limit: "1" })}`);
  const answer = (request: Message, context: HandlerContext): unknown =>
    isStream
      ? subscriptions.subscribe(method, request, context, (channel) => readable(channel, context))
      : operations.call(method, route, request, context);
  router.rpc(method, answer as MethodImpl<DescMethod>, {
    readMaxBytes: maxMessageBytes * route.bodyFactor,
    requestGate: gateOf(route, parts),
  });
}

/** Checks the access before the body is read, as the HTTP API does. The route itself refuses, and counts that for its limits. */
const gateOf =
  (route: Route, parts: AccessParts) =>
  async (context: HandlerContext): Promise<void> => {
    if (!mayCall(route, context, parts)) await parts.operations.assertAnswered(route, context);
  };

function mayCall(
  { access }: Route,
  { requestHeader: headers, url, values }: HandlerContext,
  { callers, ...parts }: AccessParts,
): boolean {
  const address = callers.addressOf(values.get(PEER), headers.get("x-forwarded-for") ?? undefined);
  return hasAccess({ headers, url }, address, access, parts);
}

/** Adds the services that every gRPC client knows, with the access of `/ready` and of `/openapi.json`. */
function addStandardServices(
  router: ConnectRouter,
  schema: FileRegistry,
  { closing, ...parts }: AccessParts & Pick<Ends, "closing">,
): void {
  const { operations } = parts;
  const names = Object.values(SERVICE);
  const ready = operations.routeOf("ready");
  const health = new Health({
    services: names,
    closing,
    isReady: async (context) => (await operations.ask(ready, context)).ok,
  });
  const reflection = new Reflection(schema, names);
  for (const method of serviceOf(schema, SERVICE.health).methods) {
    const answer = (request: Message, context: HandlerContext): unknown =>
      method.methodKind === "unary"
        ? health.check(method, request, context)
        : health.watch(method, request, context);
    router.rpc(method, answer as MethodImpl<DescMethod>, { readMaxBytes: MAX_STANDARD_BYTES });
  }
  for (const name of [SERVICE.reflection, SERVICE.olderReflection]) {
    for (const method of serviceOf(schema, name).methods) {
      const answer = (requests: AsyncIterable<Message>): unknown => reflection.answer(method, requests);
      router.rpc(method, answer as MethodImpl<DescMethod>, {
        readMaxBytes: MAX_STANDARD_BYTES,
        requestGate: gateOf(operations.routeOf("openapi"), parts),
      });
    }
  }
}
