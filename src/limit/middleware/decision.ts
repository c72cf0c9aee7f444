import type { CompleteConfig } from "../config.ts";
import type { RateLimiter } from "../limiter.ts";
import type { RateHeaders, RateResult } from "../result.ts";

/** Functions of the application, for what only it knows of a request. */
export interface MiddlewareOptions<Request> {
  /** The user, for `identifier: "user"`. @default undefined: the request counts for its address */
  readonly user?: ((request: Request) => string | undefined) | undefined;
  /** The address of the client. @default the peer of the socket, or behind the proxies of `trustProxy` their X-Forwarded-For */
  readonly address?: ((request: Request) => string | undefined) | undefined;
  /** The pattern of the route, for frameworks that do not tell it. Never the path, which the client chooses. */
  readonly route?: ((request: Request) => string | undefined) | undefined;
}

/** The parts of a request that a framework gives. */
export interface RequestParts {
  readonly path: string | undefined;
  readonly route: string | undefined;
  /** Address of the socket's other end. */
  readonly peer: string | undefined;
  header(name: string): string | readonly string[] | undefined;
}

/** The outcome for a request. */
export interface Decision {
  /** Fields for the answer, whoever gives it. */
  readonly headers: RateHeaders;
  /** The answer to a request that is refused; undefined for one that goes on. */
  readonly refusal: Refusal | undefined;
}

export interface Refusal {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

const UNAVAILABLE: Refusal = { status: 503, body: '{"error":"Service Unavailable"}' };
const NONE: RateHeaders = {};

/** Asks the limiter about a request. @throws what the application's functions throw */
export function decide<Request>(
  limiter: RateLimiter,
  options: MiddlewareOptions<Request>,
  request: Request,
  parts: RequestParts,
): Decision | Promise<Decision> {
  const { config } = limiter;
  const result = limiter.check({
    path: parts.path,
    route: options.route?.(request) ?? parts.route,
    address: options.address?.(request),
    peer: parts.peer,
    forwardedFor: parts.header("x-forwarded-for"),
    user: config.identifier === "user" ? options.user?.(request) : undefined,
    header:
      config.identifier === "header" ? joined(parts.header(config.headerName.toLowerCase())) : undefined,
  });
  return result instanceof Promise
    ? result.then((decided) => decisionOf(config, decided))
    : decisionOf(config, result);
}

function decisionOf({ addHeaders, denyStatus, denyMessage }: CompleteConfig, result: RateResult): Decision {
  const headers = addHeaders ? result.headers : NONE;
  if (result.allowed) return { headers, refusal: undefined };
  // The client has sent nothing too much when the store has failed.
  if (result.reason === "store_failed") return { headers, refusal: UNAVAILABLE };
  return { headers, refusal: { status: denyStatus, body: JSON.stringify({ error: denyMessage }) } };
}

const joined = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "object" ? value.join(", ") : value;
