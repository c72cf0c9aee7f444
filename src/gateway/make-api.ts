import type { Config } from "../config/config.ts";
import type { Listeners } from "../publish/publish.ts";
import { apiKeysOf } from "./auth/auth.ts";
import type { Callers } from "./callers.ts";
import type { GrpcServer } from "./grpc/grpc.ts";
import { type Api, type ApiPorts, createApi, routesOf } from "./http/api.ts";
import { Endpoints } from "./http/endpoints.ts";
import { mountPages, type PageRules, type Trait } from "./http/pages.ts";
import type { ListenOptions } from "./http/server.ts";
import type { GrpcCounts } from "./metrics/metrics.ts";
import { REQUEST_ID } from "./request-ids.ts";

export interface ServedPorts extends Omit<ApiPorts, "apiKeys" | "endpoints" | "limits" | "path"> {
  readonly config: Config;
  readonly callers: Callers;
  readonly listeners: Listeners;
  /** Decides about a new socket by its peer's address. */
  readonly refuses: (peer: string) => boolean;
  /** True when a server of the hub's own takes the WebSockets. */
  readonly ownsServer: () => boolean;
  /** Absent without the setting `grpc.port`. */
  readonly grpcCounts: GrpcCounts | undefined;
}

/** The operations of a hub for servers: by HTTP, and by gRPC. */
export interface Served {
  readonly api: Api;
  readonly endpoints: Endpoints;
  /**
   * Answers a request.
   * @param peer address of the socket; undefined where it is not known
   */
  readonly respond: (request: Request, peer: string | undefined) => Promise<Response>;
  /** Opens the gRPC server. Absent without the setting `grpc.port`. */
  readonly openGrpc: ((where: ListenOptions) => Promise<GrpcServer>) | undefined;
}

/** Makes the HTTP API with the application's endpoints, with the pages, and what opens the gRPC server. */
export function makeApi({
  config,
  callers,
  grpcCounts: counts,
  refuses,
  ownsServer,
  ...parts
}: ServedPorts): Served {
  const { path, http } = config;
  const { maxStreams } = config.grpc;
  const limits = { maxMessageBytes: config.websocket.maxMessageSize };
  const endpoints = new Endpoints();
  const { corsOrigins } = http;
  const ports = { ...parts, config, path, corsOrigins, limits, endpoints, apiKeys: apiKeysOf(config) };
  const routes = routesOf(ports);
  const api = createApi(ports, routes);
  const rules = pageRules(ports.development, endpoints);
  if (http.pages) mountPages(api, { path, ownsServer, traits: traitsOf(ports), rules });
  const respondTo =
    (isGrpc: boolean): Served["respond"] =>
    async (request, peer) => {
      const forwardedFor = request.headers.get("x-forwarded-for") ?? undefined;
      const address = callers.addressOf(peer, forwardedFor);
      const requestId = callers.requestIdFrom(peer, request.headers.get(REQUEST_ID));
      return api.fetch(request, { address, way: callers.wayOf(peer, forwardedFor), requestId, isGrpc });
    };
  const respond = respondTo(false);
  if (counts === undefined) return { api, endpoints, respond, openGrpc: undefined };
  const sessions = { maxSessions: http.maxSockets, idleMs: http.idleTimeoutMs, refuses };
  const about = {
    ...{ ...ports, ...limits, routes, callers, counts, maxStreams, sessions },
    respond: respondTo(true),
  };
  // Its libraries are loaded only where they are needed.
  const openGrpc: Served["openGrpc"] = async (where) =>
    (await import("./grpc/grpc.ts")).openGrpc(about, where);
  return { api, endpoints, respond, openGrpc };
}

/** The chat is added to a hub by its endpoints, after the hub was made, so its page is looked up at each request. */
const pageRules = (development: boolean, endpoints: Endpoints): PageRules => ({
  start: () => true,
  chat: () => endpoints.hasChat,
  console: () => true,
  dev: () => development,
});

function traitsOf({
  development,
  apiKeys,
  authenticator,
}: Pick<ApiPorts, "development" | "apiKeys" | "authenticator">): Trait[] {
  if (!development) return [];
  if (apiKeys !== undefined) return ["development"];
  return authenticator.mint === undefined ? ["development", "open"] : ["development", "open", "tokens"];
}
