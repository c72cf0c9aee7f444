import { createHash, timingSafeEqual } from "node:crypto";
import { type Config, type Scope, splitApiKey } from "../../config/config.ts";

/** An API key by its digest: digests have equal length, so the time of a comparison reveals nothing about a key. */
interface KnownKey {
  readonly digest: Buffer;
  readonly scope: Scope;
  /** Names the key in limits, without telling it. */
  readonly id: string;
}

/** API keys of a hub, each with its scope. */
export class ApiKeys {
  readonly #keys: readonly KnownKey[];

  constructor(keys: readonly { readonly scope: Scope; readonly key: string }[]) {
    this.#keys = keys.map(({ scope, key }, index) => ({ scope, digest: digestOf(key), id: `${index}` }));
  }

  /** Finds the scope of a key. @returns undefined for an unknown key */
  scopeOf(given: string): Scope | undefined {
    return this.find(given)?.scope;
  }

  /**
   * Finds a key, in constant time: a match does not end the comparison with the other keys.
   * @returns undefined for an unknown key
   */
  find(given: string | undefined): Pick<KnownKey, "scope" | "id"> | undefined {
    if (given === undefined) return undefined;
    const digest = digestOf(given);
    let found: KnownKey | undefined;
    for (const known of this.#keys) {
      if (timingSafeEqual(digest, known.digest)) found = known;
    }
    return found;
  }
}

/** The API key that a request brings, valid or not. */
export const keyIn = (headers: Headers): string | undefined =>
  headers.get("x-api-key") ?? /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];

/** Makes the keys of a configuration: `apiKey` has the scope `admin`. @returns undefined without any key */
export function apiKeysOf({ apiKey, apiKeys }: Pick<Config, "apiKey" | "apiKeys">): ApiKeys | undefined {
  const keys = apiKeys.map(splitApiKey);
  if (apiKey !== undefined) keys.push({ scope: "admin", key: apiKey });
  return keys.length === 0 ? undefined : new ApiKeys(keys);
}

/** Tells whether a key's scope allows what needs another: `admin` allows everything. */
export const allows = (scope: Scope, needed: Scope): boolean => scope === "admin" || scope === needed;

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
