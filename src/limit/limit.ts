/** Rate limits: a limiter for any server, its stores and middleware, and the parts of which it is made. docs/RATE-LIMITS.md is the manual. */
export { clientAddress, clientNetwork } from "./client-address.ts";
export type { CompleteConfig, RateLimitConfig } from "./config.ts";
export { RateCounter, type RateSource } from "./counter.ts";
export { createRateLimiter, type RateLimiter, type RateLimiterOptions } from "./limiter.ts";
export type { MiddlewareOptions } from "./middleware/decision.ts";
export { type FastifyReplyLike, type FastifyRequestLike, fastifyHook } from "./middleware/fastify.ts";
export { type HonoContextLike, honoMiddleware } from "./middleware/hono.ts";
export { type ExpressRequest, expressMiddleware, httpHandler, type Next } from "./middleware/http.ts";
export { isSubnet, Networks } from "./networks.ts";
export type { RateObserver } from "./observers.ts";
export type { RateRequest } from "./policy.ts";
export { parseRate, type Rate, type RateUnit } from "./rate.ts";
export type { RateHeaders, RateReason, RateResult } from "./result.ts";
export { type MemoryStore, type MemoryStoreOptions, memoryStore } from "./stores/memory.ts";
export {
  type RedisClient,
  type RedisStoreOptions,
  redisStore,
  type UnconnectedClient,
} from "./stores/redis.ts";
export type { RateStore, Taken } from "./stores/store.ts";
