import type { IncomingMessage, ServerResponse } from "node:http";
import type { RateLimiter } from "../limiter.ts";
import { type Decision, decide, type MiddlewareOptions, type RequestParts } from "./decision.ts";

/** A request of Express, Connect, or node:http itself. */
export interface ExpressRequest extends IncomingMessage {
  /** The URL before a router took off its prefix. */
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  /** Known to a middleware of a route, but not to one of the whole application. */
  readonly route?: unknown;
}

export type Next = (error?: unknown) => void;

/**
 * Makes a middleware for Express, and for everything with middleware of its form: `app.use(expressMiddleware(limiter))`. Put it before the parsers of
 * bodies, so that a refused request costs nothing.
 */
export function expressMiddleware<Request extends ExpressRequest = ExpressRequest>(
  limiter: RateLimiter,
  options: MiddlewareOptions<Request> = {},
): (request: Request, response: ServerResponse, next: Next) => void {
  return (request, response, next) => {
    let decision: Decision | Promise<Decision>;
    try {
      decision = decide(limiter, options, request, partsOf(request));
    } catch (error) {
      next(error);
      return;
    }
    if (decision instanceof Promise) decision.then((decided) => apply(decided, response, next));
    else apply(decision, response, next);
  };
}

/**
 * Puts a rate limiter in front of a handler of node:http: `createServer(httpHandler(limiter, handler))`. An error of the options' functions is
 * answered with 500.
 */
export function httpHandler(
  limiter: RateLimiter,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  options: MiddlewareOptions<IncomingMessage> = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const middleware = expressMiddleware(limiter, options);
  return (request, response) =>
    middleware(request, response, (error) => {
      if (error === undefined) return handler(request, response);
      process.emitWarning(`a function of a rate limiter's options failed: ${error}`);
      answer(response, 500, '{"error":"Internal Server Error"}');
    });
}

function partsOf(request: ExpressRequest): RequestParts {
  return {
    path: request.originalUrl ?? request.url,
    route: routeOf(request),
    peer: request.socket?.remoteAddress,
    header: (name) => request.headers[name],
  };
}

function routeOf({ route, baseUrl = "" }: ExpressRequest): string | undefined {
  const path = (route as { path?: unknown } | undefined)?.path; // Express does not give it a type
  return typeof path === "string" ? baseUrl + path : undefined;
}

function apply({ headers, refusal }: Decision, response: ServerResponse, next: Next): void {
  // A middleware before this one may have answered while the store was asked.
  if (response.headersSent) return;
  for (const name in headers) response.setHeader(name, headers[name] ?? "");
  if (refusal === undefined) next();
  else answer(response, refusal.status, refusal.body);
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.statusCode = status;
  response.setHeader("Content-Type", "application/json; charset=utf-8");
  response.end(body);
}
