import type { RouteRate } from "./policy.ts";
import type { Taken } from "./stores/store.ts";

/** Cause of a decision: the count; the lists `skipPaths` and `whitelistCIDRs`; or a store that has failed. */
export type RateReason = "rate" | "skipped" | "whitelisted" | "store_failed";

/** Header fields of an answer, by name. */
export type RateHeaders = Readonly<Record<string, string>>;

/** The decision about one request. */
export interface RateResult {
  readonly allowed: boolean;
  readonly reason: RateReason;
  /** Requests that the window allows; infinite where nothing was counted. */
  readonly limit: number;
  /** Requests that the window still allows; infinite where nothing was counted. */
  readonly remaining: number;
  /** Milliseconds until the window ends; 0 where nothing was counted. */
  readonly resetMs: number;
  /** Milliseconds after which a refused client may come again, at least 1; 0 for an allowed one. */
  readonly retryAfterMs: number;
  /** Key of `perRouteRates`, pattern of the router, or `*`. */
  readonly route: string;
  /** Key in the store, without its prefix. Empty where nothing was counted. */
  readonly key: string;
  /**
   * The fields of an answer: `X-RateLimit-*` with seconds until the window ends, RateLimit and RateLimit-Policy
   * (draft-ietf-httpapi-ratelimit-headers-11), and for a refusal Retry-After (RFC 9110, 10.2.3).
   */
  readonly headers: RateHeaders;
}

/** Milliseconds after which clients may come again when the store has failed. */
const RETRY_STORE_MS = 1_000;

const uncounted = (allowed: boolean, reason: RateReason): RateResult => ({
  allowed,
  reason,
  limit: Number.POSITIVE_INFINITY,
  remaining: Number.POSITIVE_INFINITY,
  resetMs: 0,
  retryAfterMs: allowed ? 0 : RETRY_STORE_MS,
  route: "*",
  key: "",
  headers: allowed ? {} : { "Retry-After": String(RETRY_STORE_MS / 1_000) },
});

export const SKIPPED = Object.freeze(uncounted(true, "skipped"));
export const WHITELISTED = Object.freeze(uncounted(true, "whitelisted"));
export const ALLOWED_WITHOUT_STORE = Object.freeze(uncounted(true, "store_failed"));
export const DENIED_WITHOUT_STORE = Object.freeze(uncounted(false, "store_failed"));

/** A decision by count. */
export class CountedResult implements RateResult {
  readonly reason = "rate";
  readonly allowed: boolean;
  readonly remaining: number;
  readonly resetMs: number;
  readonly key: string;
  readonly #route: RouteRate;

  constructor(route: RouteRate, key: string, { allowed, count, resetMs }: Taken) {
    this.#route = route;
    this.key = key;
    this.allowed = allowed;
    // The limit may have become smaller than the count, by a new configuration.
    this.remaining = allowed ? Math.max(0, route.rate.limit - count) : 0;
    this.resetMs = Math.max(0, resetMs);
  }

  get limit(): number {
    return this.#route.rate.limit;
  }

  get route(): string {
    return this.#route.name;
  }

  get retryAfterMs(): number {
    return this.allowed ? 0 : Math.max(1, Math.ceil(this.resetMs));
  }

  get headers(): RateHeaders {
    const { quotedName, policyField, limitField } = this.#route;
    const remaining = String(this.remaining);
    const seconds = String(Math.ceil(this.resetMs / 1_000));
    const fields = {
      "X-RateLimit-Limit": limitField,
      "X-RateLimit-Remaining": remaining,
      "X-RateLimit-Reset": seconds,
      "RateLimit-Policy": policyField,
      RateLimit: `${quotedName};r=${remaining};t=${seconds}`,
    };
    return this.allowed ? fields : { ...fields, "Retry-After": seconds === "0" ? "1" : seconds };
  }
}
