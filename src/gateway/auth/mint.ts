import { SignJWT } from "jose";
import { lifetimeProblems } from "../../config/config.ts";
import { memberData } from "../../members/members.ts";
import { grantsOf, idError, isId, TidingsError } from "../../protocol/protocol.ts";
import type { Authenticator, MintClaims } from "./authenticator.ts";
import { secretKey } from "./keys.ts";

export interface MinterOptions {
  readonly secret: string;
  readonly algorithm: string;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly userClaim?: string | undefined;
  readonly requireExpiry?: boolean | undefined;
  readonly lifetime?: number | undefined;
  readonly maxLifetime?: number | undefined;
}

/** Makes tokens that the server accepts. See `JwtOptions` for the defaults. */
export class Minter {
  readonly #options: MinterOptions;
  readonly #lifetime: number;
  readonly #maxLifetime: number;

  /** @throws TidingsError `bad_request` when the lifetimes contradict each other */
  constructor(options: MinterOptions) {
    const { maxLifetime = 2_592_000, lifetime = Math.min(3_600, maxLifetime) } = options;
    const [problem] = lifetimeProblems({ lifetime, maxLifetime });
    if (problem !== undefined) throw new TidingsError("bad_request", problem);
    this.#options = options;
    this.#lifetime = lifetime;
    this.#maxLifetime = maxLifetime;
  }

  /** @throws TidingsError `bad_request` when the claims are not valid */
  async mint({ user, platform, can, info, expiresInSeconds = this.#lifetime }: MintClaims): Promise<string> {
    const { algorithm, secret, userClaim = "sub", issuer, audience } = this.#options;
    if (!isId(user)) throw idError("user");
    if (platform !== undefined && !isId(platform)) throw idError("platform");
    const grants = can === undefined ? undefined : grantsOf(can);
    if (info !== undefined) memberData(info);
    const token = new SignJWT({ [userClaim]: user, platform, can: grants, info });
    token.setProtectedHeader({ alg: algorithm, typ: "JWT" }).setIssuedAt();
    if (expiresInSeconds === null) this.#assertEndless();
    else token.setExpirationTime(this.#expiryAfter(expiresInSeconds));
    if (issuer !== undefined) token.setIssuer(issuer);
    if (audience !== undefined) token.setAudience(audience);
    return token.sign(secretKey(secret));
  }

  #assertEndless(): void {
    if (this.#options.requireExpiry === false) return;
    throw new TidingsError(
      "bad_request",
      "expiresInSeconds: expected a number of seconds, because tokens need an expiry (jwt.requireExpiry)",
    );
  }

  /** @returns the claim `exp`, in whole seconds since 1970 */
  #expiryAfter(seconds: number): number {
    if (seconds > 0 && seconds <= this.#maxLifetime) return Math.floor(Date.now() / 1_000 + seconds);
    throw new TidingsError(
      "bad_request",
      `expiresInSeconds: expected a number of seconds above 0, at most ${this.#maxLifetime} (jwt.maxLifetime)`,
    );
  }
}

/** Mints a token by an authenticator. @throws TidingsError `not_found` when it has no secret to sign with */
export async function mintToken(authenticator: Authenticator, claims: MintClaims): Promise<string> {
  if (authenticator.mint !== undefined) return authenticator.mint(claims);
  const why = "it has no secret to sign with (jwt.secret, JWT_SECRET)";
  throw new TidingsError("not_found", `this server mints no tokens: ${why}`);
}
