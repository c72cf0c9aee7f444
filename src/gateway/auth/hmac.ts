import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { type JWTClaimVerificationOptions, type JWTPayload, UnsecuredJWT } from "jose";

/** Hashes of the algorithms with a secret (RFC 7518 section 3.2). */
const HASHES: Readonly<Record<string, string>> = { HS256: "sha256", HS384: "sha384", HS512: "sha512" };

/** Header of a token whose signature was checked already: jose then reads its claims only. */
const UNSECURED = Buffer.from('{"alg":"none"}').toString("base64url");

/**
 * Accepts tokens that are signed with a secret. It makes their HMAC on the event loop: jose gives each to a thread, which costs more than the HMAC. This
 * class accepts only: what it does not, jose decides about.
 */
export class SecretTokens {
  readonly #key: KeyObject;
  readonly #algorithms: readonly string[];

  /** @param algorithms that are accepted, see {@link HASHES} */
  constructor(key: KeyObject, algorithms: readonly string[]) {
    this.#key = key;
    this.#algorithms = algorithms;
  }

  /**
   * Reads the claims of a token.
   * @returns undefined for a token that is not signed with the secret, or whose header asks for more than that
   * @throws the errors of jose for claims that are not accepted
   */
  claimsOf(token: string, rules: JWTClaimVerificationOptions): JWTPayload | undefined {
    const [header = "", payload = "", signature = "", ...more] = token.split(".", 4);
    const hash = more.length === 0 ? this.#hashOf(header) : undefined;
    if (hash === undefined) return undefined;
    const expected = createHmac(hash, this.#key).update(`${header}.${payload}`).digest("base64url");
    if (!isSame(signature, expected)) return undefined;
    return UnsecuredJWT.decode(`${UNSECURED}.${payload}.`, rules).payload;
  }

  /** @returns undefined for an algorithm that is not accepted, and for extensions (RFC 7515 section 4.1.11) */
  #hashOf(header: string): string | undefined {
    const { alg, crit, b64 } = fieldsOf(header);
    if (typeof alg !== "string" || crit !== undefined || b64 !== undefined) return undefined;
    return this.#algorithms.includes(alg) && Object.hasOwn(HASHES, alg) ? HASHES[alg] : undefined;
  }
}

/** Fields of a token's header; none when it is malformed. */
function fieldsOf(header: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(Buffer.from(header, "base64url").toString()));
  } catch {
    return {};
  }
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
