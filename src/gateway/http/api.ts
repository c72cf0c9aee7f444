import { type Handler, Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { type ErrorCode, TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import { ANSWER_HEADERS, retryAfter } from "../answer-headers.ts";
import { assertNoProxy } from "../auth/auth.ts";
import { answerQuestions } from "../nodes/nodes.ts";
import { assertAccess, ONLY_THIS_MACHINE } from "./access.ts";
import { observe, type RequestVariables, shortened } from "./observation/observe.ts";
import { openApiRoute } from "./openapi.ts";
import type { ApiPorts } from "./ports.ts";
import { type Route, tagged, withoutNames } from "./route.ts";
import { adminRoutes } from "./routes/admin.ts";
import { batchRoute } from "./routes/batch.ts";
import { clusterRoutes } from "./routes/cluster.ts";
import { consoleRoutes } from "./routes/console.ts";
import { answerEndpoint } from "./routes/endpoint.ts";
import { healthRoutes } from "./routes/health.ts";
import { limitRoutes } from "./routes/limits.ts";
import { messageRoutes } from "./routes/messages.ts";
import { nodeRoutes } from "./routes/node.ts";
import { reporterOf } from "./routes/reports.ts";
import { searchRoute } from "./routes/search.ts";
import { groupRoutes, userRoutes } from "./routes/users.ts";
import { whyRoute } from "./routes/why.ts";

/** The HTTP API. Its environment says where a request came from. */
export type Api = Hono<{
  Bindings: {
    /** Address of the caller; undefined when it is not known. */
    readonly address: string | undefined;
    /** Addresses by which a trusted proxy was reached; undefined without one. */
    readonly way?: readonly string[] | undefined;
    /** Id of the request. @default a new one */
    readonly requestId?: string;
    /** True for a call of gRPC, which counts in the metrics of gRPC only. @default false */
    readonly isGrpc?: boolean;
  };
  Variables: RequestVariables;
}>;

/**
 * Makes the HTTP API. Every failure is answered with `{"error":{"code","message"}}` and the status of its code;
 * `/openapi.json` describes the routes.
 * @param routes as {@link routesOf} makes them
 */
export function createApi(ports: ApiPorts, routes: readonly Route[] = routesOf(ports)): Api {
  const app: Api = new Hono();
  ports.workers?.serve(reporterOf(ports));
  answerQuestions(ports);
  app.use(observe(ports));
  app.use(addHeaders);
  const { corsOrigins = [] } = ports;
  if (corsOrigins.length > 0) app.use(shareWith(corsOrigins));
  if (ports.development) app.use(refuseProxies(ports));
  if (ports.httpLimits !== undefined) app.use(ports.httpLimits.middleware(ports.apiKeys));
  for (const { method, path, access, answer } of routes) {
    app.on(method.toUpperCase(), path, (context) => {
      context.set("route", path);
      // Check access before the body is read.
      assertAccess(context.req.raw, context.env?.address, access, ports);
      return answer(context, ports.limits.maxMessageBytes);
    });
  }
  for (const [path, methods] of methodsByPath(routes)) app.all(path, refuseMethod(path, methods));
  app.notFound(async (context) => {
    const { method, path } = context.req;
    const endpoint = ports.endpoints?.find(path);
    if (endpoint !== undefined && method !== "POST") return refuseMethod(path, "POST")(context, noNext);
    if (endpoint !== undefined) {
      context.set("route", path);
      return answerEndpoint(endpoint, context.req.raw, context.env?.address, ports);
    }
    return refuse(
      new TidingsError(
        "not_found",
        `there is no ${method} ${shortened(path)}: /openapi.json lists all routes`,
      ),
    );
  });
  app.onError((thrown, context) => {
    const error = toTidingsError(thrown);
    if (error !== thrown) ports.report?.(`${context.req.method} ${context.req.path}`, thrown);
    return refuse(error, context.get("requestId"));
  });
  return app;
}

const noNext = async (): Promise<void> => undefined;

/** Adds {@link ANSWER_HEADERS}, unless a route has set its own: the page does. */
const addHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  const { headers } = context.res;
  for (const [name, value] of Object.entries(ANSWER_HEADERS))
    if (!headers.has(name)) headers.set(name, value);
};

/** Lets the pages of these origins read answers (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol). */
const shareWith = (origins: readonly string[]): MiddlewareHandler =>
  cors({
    origin: [...origins],
    allowMethods: ["GET", "POST", "PUT", "DELETE"],
    allowHeaders: ["Authorization", "Content-Type", "Idempotency-Key", "X-API-Key"],
    maxAge: 600,
  });

/** Refuses proxied requests on every route, even with the API key: development mode behind a proxy is a mistake. */
const refuseProxies =
  ({ neighbours = ONLY_THIS_MACHINE }: ApiPorts): MiddlewareHandler =>
  (context, next) => {
    assertNoProxy(context.req.raw.headers.keys(), context.env?.way, neighbours);
    return next();
  };

/** Makes the routes of the HTTP API. */
export function routesOf(given: ApiPorts): Route[] {
  // Without its trailing slash, so that "/" does not make "//stats".
  const ports = { ...given, path: given.path.replace(/\/+$/, "") };
  const routes = [
    ...tagged("health", healthRoutes(ports)),
    ...tagged("nodes", [...nodeRoutes(ports), ...clusterRoutes(ports)]),
    ...tagged("console", consoleRoutes(ports)),
    ...tagged("messages", [...messageRoutes(ports), batchRoute(ports)]),
    ...tagged("users", userRoutes(ports)),
    ...tagged("groups", groupRoutes(ports)),
    ...tagged("administration", [...adminRoutes(ports), ...limitRoutes(ports)]),
    ...tagged("messages", [searchRoute(ports), whyRoute(ports)]),
  ];
  const all = [...routes, ...routes.flatMap(withoutNames)];
  return [...all, openApiRoute(all, ports)];
}

/** Methods of each path, as the header `Allow` lists them. HEAD comes with GET (RFC 9110 section 9.3.2). */
function methodsByPath(routes: readonly Route[]): Map<string, string> {
  const byPath = Map.groupBy(routes, ({ path }) => path);
  const named = [...byPath].map(([path, some]): [string, string] => {
    const methods = some.map(({ method }) => method.toUpperCase());
    return [path, [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ")];
  });
  return new Map(named);
}

/** Answers a request with another method than its path has (RFC 9110 section 15.5.6). */
const refuseMethod =
  (route: string, allow: string): Handler =>
  (context) => {
    context.set("route", route);
    // The page is a route of its own, added later, and CORS asks with OPTIONS.
    const message = `${shortened(context.req.path)}: expected the method ${allow}, got ${context.req.method}`;
    return Response.json({ error: { code: "bad_request", message } }, { status: 405, headers: { allow } });
  };

/** @param id of the request, by which the log has the cause of a failure of the server */
function refuse(error: TidingsError, id?: string): Response {
  const { code, message, status, retryAfterMs } = error;
  const headers = { ...HEADERS[code], ...retryAfter(error) };
  const requestId = status >= 500 ? id : undefined;
  return Response.json({ error: { code, message, retryAfterMs, requestId } }, { status, headers });
}

const HEADERS: Partial<Record<ErrorCode, Record<string, string>>> = {
  // RFC 9110 section 11.6.1: a 401 names the scheme.
  unauthorized: { "www-authenticate": "Bearer" },
  // The rest of the body is still arriving, and the next request must not wait for it.
  too_large: { connection: "close" },
};

export type { ApiParts, ApiPorts } from "./ports.ts";
