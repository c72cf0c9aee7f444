import type { Context, MiddlewareHandler, Next } from "hono";
import { keyIn } from "../../auth/auth.ts";
import { NO_ROUTE } from "../../metrics/metrics.ts";
import { REQUEST_ID, requestId } from "../../request-ids.ts";
import type { AnsweredRequest, ApiPorts } from "../ports.ts";

/** Variables of a request, which the API keeps while it answers it. */
export interface RequestVariables {
  /** Id of the request, which its answer carries. */
  requestId: string;
  /** Path of the route as it is declared; absent while no route has taken the request. */
  route?: string;
}

type Ports = Pick<ApiPorts, "apiKeys" | "development" | "metrics" | "requestScope" | "requested" | "tracing">;

/** Requests of probes and of Prometheus: they come all the time, and a trace of each would bury all others. */
const UNTRACED: ReadonlySet<string> = new Set(["/health", "/ready", "/metrics"]);

/** Gives each request its id, and tells metrics, traces and log of it. */
export const observe = (ports: Ports): MiddlewareHandler =>
  async function observed(context, next) {
    const id: string = context.env?.requestId ?? requestId(undefined, false);
    context.set("requestId", id);
    const run = () => traced(ports, context, () => answered(ports, context, next));
    await (ports.requestScope === undefined ? run() : ports.requestScope.run(id, run));
    context.res.headers.set(REQUEST_ID, id);
  };

async function answered({ metrics, requested }: Ports, context: Context, next: Next) {
  const startedAt = performance.now();
  await next();
  const ms = performance.now() - startedAt;
  const { status } = context.res;
  const route: string | undefined = context.get("route");
  if (context.env?.isGrpc !== true) metrics.http.answered(route ?? NO_ROUTE, status, ms / 1_000);
  requested?.(answeredRequest(context, ms));
  return { route, status };
}

function traced(
  { apiKeys, development, tracing }: Ports,
  context: Context,
  work: () => ReturnType<typeof answered>,
): Promise<unknown> {
  const { method, path, raw } = context.req;
  if (tracing === undefined || UNTRACED.has(path)) return work();
  const { headers } = raw;
  // Only a key may name the trace: its flag decides whether the request is sampled, and that costs something.
  const isTrusted = apiKeys === undefined ? development : apiKeys.find(keyIn(headers)) !== undefined;
  const address: string | undefined = context.env?.address;
  const request = {
    id: context.get("requestId"),
    method,
    path: shortened(path),
    address,
    headers,
    isTrusted,
  };
  return tracing.http(request, work);
}

const answeredRequest = ({ req, res, env }: Context, ms: number): AnsweredRequest => ({
  method: req.method,
  path: shortened(req.path),
  status: res.status,
  ms: Math.round(ms * 100) / 100,
  address: env?.address,
});

/** A path of any length in a reply would make unread replies dear. */
export const shortened = (path: string): string => (path.length > 200 ? `${path.slice(0, 200)}…` : path);
