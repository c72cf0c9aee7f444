import { createRemoteJWKSet, errors, type FlattenedJWSInput, type JWSHeaderParameters } from "jose";
import { backoff, TidingsError } from "../../protocol/protocol.ts";

type VerifyingKey = Awaited<ReturnType<ReturnType<typeof createRemoteJWKSet>>>;

export interface PublishedKeysOptions {
  /** Time after a fetch in which an unknown key causes no other one. A failed fetch is repeated sooner. */
  readonly cooldownMs: number;
  /** Called with each failure to fetch the keys. */
  readonly report: (error: TidingsError) => void;
}

/** Age at which the keys are fetched again, so that a key that was taken back is no longer accepted. */
const REFRESH_MS = 600_000;

/** Age up to which the keys are used while they cannot be fetched again. */
const MAX_AGE_MS = 86_400_000;

/** Delay after the first failed fetch. It doubles with every further one. */
const FIRST_DELAY_MS = 1_000;

/**
 * Keys that an issuer publishes at a URL (RFC 7517). Logins never cause more fetches than the cool-down allows, and the
 * last known keys stay in use while the URL does not answer. jose fetches for every login then, and accepts none.
 */
export class PublishedKeys {
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  readonly #name: string;
  readonly #options: PublishedKeysOptions;
  /** Time of the last good fetch. */
  #fetchedAt = Number.NEGATIVE_INFINITY;
  /** Time before which there is no other fetch. */
  #nextFetchAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #fetching: Promise<void> | undefined;

  constructor(jwksUrl: string, options: PublishedKeysOptions) {
    const { url, headers } = withoutCredentials(jwksUrl);
    this.#name = url.origin + url.pathname; // a query may hold a key of the issuer
    this.#options = options;
    // jose never fetches by itself but for the first time, which #load precedes.
    const never = { cacheMaxAge: Number.POSITIVE_INFINITY, cooldownDuration: Number.POSITIVE_INFINITY };
    this.#set = createRemoteJWKSet(url, { headers, ...never });
  }

  /**
   * Finds the key of a token.
   * @throws TidingsError `unavailable` for an unknown key, and when the keys cannot be fetched: the token may be valid,
   * and on `unauthorized` the client would stop reconnecting
   */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<VerifyingKey> {
    await this.#refresh();
    try {
      return await this.#set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    return this.#findNew(header, token);
  }

  /** Looks for a key that may have been published since the last fetch. */
  async #findNew(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<VerifyingKey> {
    await this.#load();
    try {
      return await this.#set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      throw new TidingsError("unavailable", "the token is signed with a key that is not published (yet)");
    }
  }

  /** Fetches keys that are old. Only keys that are too old to be used keep a login waiting. */
  async #refresh(): Promise<void> {
    const age = performance.now() - this.#fetchedAt;
    if (age < REFRESH_MS) return;
    const loading = this.#load();
    if (age < MAX_AGE_MS) return;
    await loading;
    if (performance.now() - this.#fetchedAt < MAX_AGE_MS) return;
    throw new TidingsError("unavailable", "the keys that verify tokens cannot be fetched");
  }

  /** Fetches the keys, unless the cool-down lasts. Concurrent callers share a fetch. Never rejects. */
  async #load(): Promise<void> {
    if (this.#fetching === undefined && performance.now() < this.#nextFetchAt) return;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    const { cooldownMs, report } = this.#options;
    try {
      await this.#set.reload();
      this.#failures = 0;
      this.#fetchedAt = performance.now();
      this.#nextFetchAt = this.#fetchedAt + cooldownMs;
    } catch (error) {
      const delays = { minMs: FIRST_DELAY_MS, maxMs: cooldownMs };
      this.#nextFetchAt = performance.now() + backoff(this.#failures++, delays);
      report(
        new TidingsError("unavailable", `the keys at ${this.#name} cannot be fetched: ${reasonOf(error)}`),
      );
    }
  }
}

/** The message of `fetch` is only "fetch failed"; its cause has the reason. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Moves user and password to a header, because `fetch` refuses URLs that have them, with an error that prints them. */
function withoutCredentials(jwksUrl: string): { url: URL; headers: Record<string, string> } {
  const url = new URL(jwksUrl);
  const { username, password } = url;
  if (username === "" && password === "") return { url, headers: {} };
  url.username = "";
  url.password = "";
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return { url, headers: { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` } };
}

/** A part of a URL. A raw % in it is no mistake: `URL` keeps it. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
