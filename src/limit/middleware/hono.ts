import type { RateLimiter } from "../limiter.ts";
import { decide, type MiddlewareOptions } from "./decision.ts";

/** The part of a context of Hono that is used. */
export interface HonoContextLike {
  readonly req: {
    readonly url: string;
    header(name: string): string | undefined;
    /** Everything that matches, in the order of its registration: middleware and handlers, also those behind the one that answers. */
    readonly matchedRoutes?: readonly { readonly path: string; readonly method: string }[];
  };
  readonly env: unknown;
  header(name: string, value: string): void;
}

/**
 * Makes a middleware for Hono: `app.use(honoMiddleware(limiter))`. The address comes from the server of `@hono/node-server`; with another one give
 * `options.address`.
 */
export function honoMiddleware<Context extends HonoContextLike = HonoContextLike>(
  limiter: RateLimiter,
  options: MiddlewareOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | undefined> {
  return async (context, next) => {
    const { req, env } = context;
    const { headers, refusal } = await decide(limiter, options, context, {
      path: req.url,
      route: routeOf(req.matchedRoutes),
      peer: peerOf(env),
      header: (name) => req.header(name),
    });
    if (refusal !== undefined) {
      const { status, body } = refusal;
      return new Response(body, {
        status,
        headers: { ...headers, "Content-Type": "application/json; charset=utf-8" },
      });
    }
    await next();
    // After the handler, because a Response that it makes by itself takes no earlier fields.
    for (const name in headers) context.header(name, headers[name] ?? "");
    return undefined;
  };
}

/** The pattern of the first handler. Hono does not tell it from middleware, but middleware is for all methods. */
const routeOf = (matched: HonoContextLike["req"]["matchedRoutes"] = []): string | undefined =>
  (matched.find(({ method }) => method !== "ALL") ?? matched.at(-1))?.path;

/** The bindings of `@hono/node-server`. */
const peerOf = (env: unknown): string | undefined =>
  (env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming?.socket
    ?.remoteAddress;
