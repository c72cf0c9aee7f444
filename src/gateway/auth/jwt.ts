import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { defaultAlgorithms, type JwtAlgorithm, type JwtKeySource, jwtProblems } from "../../config/config.ts";
import { ID_RULE, idError, isId, TidingsError } from "../../protocol/protocol.ts";
import type { Authenticator, Identity, MintClaims } from "./authenticator.ts";
import { type FindKey, keysOf, secretKey } from "./keys.ts";

/** Options for verifying tokens. Exactly one of `secret`, `publicKey` (PEM) and `jwksUrl` is required. */
export interface JwtOptions extends JwtKeySource {
  /** Accepted signature algorithms. @default HS256 with a secret; RS256 and ES256 with keys */
  readonly algorithms?: readonly JwtAlgorithm[] | undefined;
  /** Required `iss` of a token. @default any, or none */
  readonly issuer?: string | undefined;
  /** Required `aud` of a token. @default any, or none */
  readonly audience?: string | undefined;
  /** Claim with the user id. @default "sub" */
  readonly userClaim?: string | undefined;
  /** Time after a fetch of `jwksUrl` in which an unknown key causes no other fetch. @default 30_000 // 30 s */
  readonly jwksCooldownMs?: number | undefined;
}

/** Characters of the longest token that is read. Node accepts no longer header lines either. */
const LONGEST_TOKEN = 16_384;

/**
 * Authenticates by JSON Web Token (RFC 7519), following RFC 8725: the algorithms are pinned, `none` is never accepted,
 * and `exp` and `nbf` are checked without leeway. A token without `exp` is accepted and does not expire: give tokens an
 * `exp` unless machines use them. The claim `platform`, when present, binds the login to a platform. With a secret it
 * also mints tokens.
 * @throws TidingsError `bad_request` when the options contradict each other
 */
export function jwt(options: JwtOptions): Authenticator {
  const named = options.algorithms ?? [];
  const algorithms = named.length > 0 ? named : defaultAlgorithms(options);
  assertOptions(options, algorithms);
  const verifier: Verifier = {
    find: keysOf(options, algorithms, options.jwksCooldownMs ?? 30_000),
    algorithms: [...algorithms],
    issuer: options.issuer,
    audience: options.audience,
    userClaim: options.userClaim ?? "sub",
  };
  const authenticator: Authenticator = {
    mode: "token",
    authenticate: ({ token }) => authenticate(token, verifier),
  };
  const { secret } = options;
  if (secret !== undefined) authenticator.mint = (claims) => mint(claims, secret, verifier);
  return authenticator;
}

interface Verifier {
  readonly find: FindKey;
  readonly algorithms: string[];
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly userClaim: string;
}

function assertOptions(options: JwtOptions, algorithms: readonly string[]): void {
  const problems = jwtProblems(options, algorithms);
  const keys = [options.secret, options.publicKey, options.jwksUrl].filter((key) => key !== undefined);
  if (keys.length === 0) problems.push("jwt: expected one of secret, publicKey and jwksUrl");
  if (keys.includes("")) problems.push("jwt: expected a secret or key of at least one character");
  if (problems.length > 0) throw new TidingsError("bad_request", problems.join("\n"));
}

async function authenticate(token: string | undefined, verifier: Verifier): Promise<Identity> {
  if (token === undefined || token === "") throw refusal("a token is required");
  if (token.length > LONGEST_TOKEN) throw refusal(`the token is longer than ${LONGEST_TOKEN} characters`);
  return identityOf(await verify(token, verifier), verifier.userClaim);
}

async function verify(token: string, verifier: Verifier): Promise<JWTPayload> {
  const { find, algorithms, issuer, audience } = verifier;
  try {
    const { payload } = await jwtVerify(token, find, { algorithms, issuer, audience });
    return payload;
  } catch (error) {
    if (error instanceof TidingsError) throw error;
    // Without `cause`, because it holds the claims and errors are logged.
    throw refusal(reasonFor(error));
  }
}

function reasonFor(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === "nbf"
      ? "the token is not valid yet"
      : `the token's claim ${error.claim} is not accepted`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's algorithm is not accepted";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is not valid";
  if (error instanceof errors.JWKSNoMatchingKey) return "the token is signed with an unknown key";
  return "the token is not a valid JWT";
}

function identityOf(payload: JWTPayload, userClaim: string): Identity {
  const claim = Object.hasOwn(payload, userClaim) ? payload[userClaim] : undefined;
  const user = Number.isSafeInteger(claim) ? String(claim) : claim;
  if (!isId(user)) throw refusal(`the token's claim ${userClaim}: expected a user id of ${ID_RULE}`);
  const { exp, platform } = payload;
  if (platform !== undefined && !isId(platform)) {
    throw refusal(`the token's claim platform: expected ${ID_RULE}`);
  }
  const identity: Identity = { user, claims: Object.freeze(payload) };
  if (exp !== undefined) identity.expiresAt = exp * 1000;
  if (platform !== undefined) identity.platform = platform;
  return identity;
}

async function mint(claims: MintClaims, secret: string, verifier: Verifier): Promise<string> {
  const { user, expiresInSeconds, platform } = claims;
  assertMintable(claims);
  const token = new SignJWT({ [verifier.userClaim]: user, platform });
  token.setProtectedHeader({ alg: verifier.algorithms[0] ?? "HS256", typ: "JWT" }).setIssuedAt();
  if (expiresInSeconds !== undefined)
    token.setExpirationTime(Math.floor(Date.now() / 1000 + expiresInSeconds));
  if (verifier.issuer !== undefined) token.setIssuer(verifier.issuer);
  if (verifier.audience !== undefined) token.setAudience(verifier.audience);
  return token.sign(secretKey(secret));
}

function assertMintable({ user, expiresInSeconds, platform }: MintClaims): void {
  if (!isId(user)) throw idError("user");
  if (platform !== undefined && !isId(platform)) throw idError("platform");
  if (expiresInSeconds !== undefined && !(Number.isFinite(expiresInSeconds) && expiresInSeconds > 0)) {
    throw new TidingsError("bad_request", "expiresInSeconds: expected a number of seconds above 0");
  }
}

const refusal = (message: string): TidingsError => new TidingsError("unauthorized", message);
