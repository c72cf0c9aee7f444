import type { Context, MiddlewareHandler } from "hono";
import type { Limits } from "../../actions/actions.ts";
import type { Config } from "../../config/config.ts";
import {
  createRateLimiter,
  type RateLimitConfig,
  type RateLimiter,
  type RateResult,
  type RateStore,
} from "../../limit/limit.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import { type ApiKeys, keyIn } from "../auth/auth.ts";

type Settings = Config["limits"]["http"];

const OFF = "off";

/** In place of `off`: a rate that nobody reaches. */
const UNLIMITED = "999999999999999-S";

export interface HttpLimitsPorts {
  readonly limits: Limits;
  /** Counts the requests. @default this process */
  readonly store?: RateStore | undefined;
  /** Called once for each outage of the store. */
  readonly report: (error: unknown) => void;
}

/** Limits the requests of the HTTP API: of clients without an API key by `tidings/limit`, with one by `limits.apiKeyRate`. */
export class HttpLimits {
  readonly #limits: Limits;
  readonly #limiter: RateLimiter;
  #settings: Settings;

  constructor(settings: Settings, { limits, store, report }: HttpLimitsPorts) {
    this.#settings = settings;
    this.#limits = limits;
    let hasFailed = false;
    const count = (isAllowed: boolean): void => {
      hasFailed = false;
      limits.count("http", isAllowed);
    };
    this.#limiter = createRateLimiter({
      ...configOf(settings),
      store: store ?? "memory",
      observer: {
        onAllow: () => count(true),
        onDeny: () => count(false),
        onStoreError(error) {
          if (!hasFailed) report(error);
          hasFailed = true;
        },
      },
    });
  }

  /** @throws TidingsError `bad_request` for settings that contradict each other, such as two spellings of one route */
  static check(settings: Settings): void {
    createRateLimiter(configOf(settings));
  }

  update(settings: Settings): void {
    this.#limiter.updateConfig(configOf(settings));
    this.#settings = settings;
  }

  close(): Promise<void> {
    return this.#limiter.close();
  }

  /** Middleware of the API. @param apiKeys of callers that `limits.http` does not concern */
  middleware(apiKeys: ApiKeys | undefined): MiddlewareHandler {
    return async (context, next) => {
      const key = apiKeys?.find(keyIn(context.req.raw.headers));
      if (key !== undefined) {
        // A rate that is too low must not keep the operator from raising it.
        if (context.req.path !== "/limits") this.#limits.assertApiKey(key.id);
        return next();
      }
      if (this.#isOff) return next();
      const result = await this.#check(context);
      if (!result.allowed) return this.#refusal(result);
      await next();
      if (this.#settings.addHeaders)
        for (const [name, value] of Object.entries(result.headers)) context.res.headers.set(name, value);
    };
  }

  /** True when nothing is limited: then the store is not asked. */
  get #isOff(): boolean {
    const { rate, perRouteRates } = this.#settings;
    return rate === OFF && Object.keys(perRouteRates).length === 0;
  }

  #check({ req, env }: Context): RateResult | Promise<RateResult> {
    const { path, raw } = req;
    const header = raw.headers.get(this.#settings.headerName) ?? undefined;
    return this.#limiter.check({ path, address: env?.address, header });
  }

  #refusal({ headers, retryAfterMs, reason }: RateResult): Response {
    const { addHeaders, denyStatus: status, denyMessage: message } = this.#settings;
    // The client has sent nothing too much when the store has failed.
    if (reason === "store_failed") {
      throw new TidingsError("unavailable", "rate limits cannot be read now", { retryAfterMs });
    }
    const error = { code: "rate_limited", message, retryAfterMs };
    return Response.json({ error }, { status, headers: addHeaders ? headers : {} });
  }
}

function configOf({ rate, perRouteRates, store: _, ...others }: Settings): RateLimitConfig {
  const named = Object.entries(perRouteRates).map(([path, each]) => [path, rateOrNone(each)]);
  return { ...others, rate: rateOrNone(rate), perRouteRates: Object.fromEntries(named) };
}

const rateOrNone = (rate: string): string => (rate === OFF ? UNLIMITED : rate);
