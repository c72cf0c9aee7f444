import type { RateLimiter } from "../limiter.ts";
import { type Decision, decide, type MiddlewareOptions } from "./decision.ts";

/** The part of a request of Fastify that is read. */
export interface FastifyRequestLike {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly raw: { readonly socket?: { readonly remoteAddress?: string | undefined } | null };
  /** The matched route: `url` is its pattern, undefined without a match. */
  readonly routeOptions?: { readonly url?: string | undefined };
}

/** The part of a reply of Fastify that is used. */
export interface FastifyReplyLike {
  header(name: string, value: string): unknown;
  code(status: number): unknown;
  send(body: string): unknown;
}

/**
 * Makes an `onRequest` hook for Fastify: `app.addHook("onRequest", fastifyHook(limiter))`. Fastify has found the route by then, so that the keys of
 * `perRouteRates` may be patterns, and `ip+route` counts each route by itself.
 */
export function fastifyHook<Request extends FastifyRequestLike = FastifyRequestLike>(
  limiter: RateLimiter,
  options: MiddlewareOptions<Request> = {},
): (request: Request, reply: FastifyReplyLike, done: (error?: Error) => void) => void {
  return (request, reply, done) => {
    let decision: Decision | Promise<Decision>;
    try {
      decision = decide(limiter, options, request, {
        path: request.url,
        route: request.routeOptions?.url,
        peer: request.raw.socket?.remoteAddress,
        header: (name) => request.headers[name],
      });
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (decision instanceof Promise) decision.then((decided) => apply(decided, reply, done));
    else apply(decision, reply, done);
  };
}

function apply({ headers, refusal }: Decision, reply: FastifyReplyLike, done: () => void): void {
  for (const name in headers) reply.header(name, headers[name] ?? "");
  if (refusal === undefined) {
    done();
    return;
  }
  reply.code(refusal.status);
  reply.header("Content-Type", "application/json; charset=utf-8");
  reply.send(refusal.body);
}
