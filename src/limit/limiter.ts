import { clientAddress } from "./client-address.ts";
import { type CompleteConfig, completeConfig, configError, type RateLimitConfig } from "./config.ts";
import { Observers, type RateObserver } from "./observers.ts";
import { pathOf } from "./path.ts";
import { Policy, type RateRequest, type RouteRate } from "./policy.ts";
import {
  ALLOWED_WITHOUT_STORE,
  CountedResult,
  DENIED_WITHOUT_STORE,
  type RateResult,
  SKIPPED,
  WHITELISTED,
} from "./result.ts";
import { GuardedStore } from "./stores/guard.ts";
import { memoryStore } from "./stores/memory.ts";
import type { RateStore, Taken } from "./stores/store.ts";

/** A configuration, and what cannot change while the limiter runs. */
export interface RateLimiterOptions extends RateLimitConfig {
  /** Counts the requests: `"memory"` (this process), a store, or a function that makes one. @default "memory" */
  readonly store?: "memory" | RateStore | (() => RateStore) | undefined;
  /** Is told of decisions; several in a list. */
  readonly observer?: RateObserver | readonly RateObserver[] | undefined;
}

/** Decides about requests. */
export interface RateLimiter {
  /** The configuration in force, completed with defaults. */
  readonly config: CompleteConfig;
  /**
   * Takes a request from the allowance of its client. Never throws or rejects.
   * @returns the decision: at once when the store is in memory, or nothing is counted; else a promise
   */
  check(request: RateRequest): RateResult | Promise<RateResult>;
  /**
   * Replaces the whole configuration: a key that is left out gets its default. Requests see the old configuration or the new one. Counts
   * go on for each route whose window length is as before.
   * @throws TidingsError `bad_request`: one error with all that is wrong; then the old configuration stays in force
   */
  updateConfig(config: RateLimitConfig): void;
  /** Finds the address of a client behind the proxies of `trustProxy`, as the function of this name does. */
  clientAddress(
    peer: string | undefined,
    forwardedFor: string | readonly string[] | undefined,
  ): string | undefined;
  /** Closes the store. */
  close(): Promise<void>;
}

/**
 * Makes a rate limiter.
 * @throws TidingsError `bad_request`: one error that names each wrong key and what was expected
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { store = "memory", observer = [], ...config } = options ?? {};
  const policy = new Policy(completeConfig(config));
  const observers = new Observers(Array.isArray(observer) ? observer : [observer]);
  return new Limiter(policy, makeStore(store), observers);
}

function makeStore(store: NonNullable<RateLimiterOptions["store"]>): RateStore {
  if (store === "memory") return memoryStore();
  const made = typeof store === "function" ? store() : store;
  if (typeof made?.take !== "function") {
    throw configError(["store: expected memory, a store with take(key, rate), or a function that makes one"]);
  }
  return made;
}

class Limiter implements RateLimiter {
  readonly #store: GuardedStore;
  readonly #observers: Observers;
  #policy: Policy;

  constructor(policy: Policy, store: RateStore, observers: Observers) {
    this.#policy = policy;
    this.#observers = observers;
    this.#store = new GuardedStore(store, (error) => observers.storeFailed(error));
  }

  get config(): CompleteConfig {
    return this.#policy.config;
  }

  check(request: RateRequest): RateResult | Promise<RateResult> {
    const policy = this.#policy;
    const path = pathOf(request.path ?? "/");
    if (policy.isSkipped(path)) return SKIPPED;
    const groups = policy.groupsOf(request);
    if (policy.isWhitelisted(groups)) return WHITELISTED;
    const identity = policy.identityOf(request, groups);
    const route = policy.routeOf(path, request.route);
    return this.#told(
      route === undefined
        ? this.#takeAll(policy, policy.routesOf(path, request.route), identity)
        : this.#take(policy, route, identity),
    );
  }

  updateConfig(config: RateLimitConfig): void {
    const fixed = ["store", "observer"].filter((key) => Object.hasOwn(config ?? {}, key));
    if (fixed.length > 0)
      throw configError(fixed.map((key) => `${key}: cannot change while the limiter runs`));
    this.#policy = new Policy(completeConfig(config));
  }

  clientAddress(
    peer: string | undefined,
    forwardedFor: string | readonly string[] | undefined,
  ): string | undefined {
    return clientAddress(peer, forwardedFor, this.#policy.trustedProxies);
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  #take(policy: Policy, route: RouteRate, identity: string): RateResult | Promise<RateResult> {
    const key = route.scope + identity;
    const taken = this.#store.take(key, route.rate, policy.config.storeTimeoutMs);
    return taken instanceof Promise
      ? taken.then((answer) => resultOf(policy, route, key, answer))
      : resultOf(policy, route, key, taken);
  }

  /** Counts a request against each of several routes. */
  #takeAll(
    policy: Policy,
    [first, ...others]: readonly RouteRate[],
    identity: string,
  ): RateResult | Promise<RateResult> {
    if (first === undefined) return SKIPPED; // every path has a route
    const result = this.#take(policy, first, identity);
    return others.length === 0 ? result : this.#takeOthers(policy, result, others, identity);
  }

  /** @returns the first refusal, or the decision with the least remaining */
  async #takeOthers(
    policy: Policy,
    first: RateResult | Promise<RateResult>,
    others: readonly RouteRate[],
    identity: string,
  ): Promise<RateResult> {
    let tightest = await first;
    for (const route of others) {
      if (!tightest.allowed) break;
      const result = await this.#take(policy, route, identity);
      if (!result.allowed || result.remaining < tightest.remaining) tightest = result;
    }
    return tightest;
  }

  #told(result: RateResult | Promise<RateResult>): RateResult | Promise<RateResult> {
    return result instanceof Promise ? result.then((decided) => this.#tell(decided)) : this.#tell(result);
  }

  #tell(result: RateResult): RateResult {
    if (result.reason !== "rate") return result;
    if (result.allowed) this.#observers.allowed(result.route, result.key);
    else this.#observers.denied(result.route, result.key);
    return result;
  }
}

function resultOf(policy: Policy, route: RouteRate, key: string, taken: Taken | undefined): RateResult {
  if (taken !== undefined) return new CountedResult(route, key, taken);
  return policy.config.onStoreError === "allow" ? ALLOWED_WITHOUT_STORE : DENIED_WITHOUT_STORE;
}
