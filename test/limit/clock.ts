import {
  createRateLimiter,
  memoryStore,
  type RateLimiterOptions,
  type RateRequest,
  type RateResult,
} from "../../src/limit/limit.ts";

/** The configuration of the Go middleware that many users come from. */
export const GO_CONFIG = {
  rate: "200-M",
  perRouteRates: { "/api/v1/heavy": "10-S", "/api/v1/normal": "100-S" },
  identifier: "ip+route",
  whitelistCIDRs: ["10.0.0.0/8"],
  skipPaths: ["/health", "/metrics", "/static/"],
} as const;

/** A limiter with a memory of its own and a clock that a test moves. */
export function limiterAtRest(options: RateLimiterOptions) {
  const clock = { now: 1_000 };
  const store = memoryStore({ now: () => clock.now });
  const limiter = createRateLimiter({ store, ...options });
  const check = async (request: RateRequest): Promise<RateResult> =>
    limiter.check({ address: "203.0.113.9", ...request });
  /** @returns how many of so many equal requests were allowed */
  const allowed = async (count: number, request: RateRequest = {}): Promise<number> => {
    let sum = 0;
    for (let sent = 0; sent < count; sent++) if ((await check(request)).allowed) sum++;
    return sum;
  };
  return { limiter, store, clock, check, allowed };
}
