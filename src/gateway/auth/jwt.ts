import { type CryptoKey, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import {
  defaultAlgorithms,
  type JwtAlgorithm,
  type JwtKeySource,
  jwtProblems,
  weakJwtProblems,
} from "../../config/config.ts";
import { type Grants, grantsProblem, ID_RULE, isId, TidingsError } from "../../protocol/protocol.ts";
import { answeredBy, type Identity, type TokenAuthenticator } from "./authenticator.ts";
import { SecretTokens } from "./hmac.ts";
import { type FindKey, keysOf, secretKey } from "./keys.ts";
import { Minter } from "./mint.ts";

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
  /** Called with each failure to fetch the keys at `jwksUrl`. A hub with these options logs it. @default nothing */
  readonly report?: ((error: Error) => void) | undefined;
  /** Refuse tokens without `exp`. Otherwise their logins never end. @default true */
  readonly requireExpiry?: boolean | undefined;
  /** Lifetime of a minted token when the caller gives none, in seconds. @default 3_600 // 1 h */
  readonly lifetime?: number | undefined;
  /** Longest lifetime of a minted token, in seconds. @default 2_592_000 // 30 days */
  readonly maxLifetime?: number | undefined;
  /** Accept a secret of less than 32 bytes, and a `jwksUrl` with `http:` that is not on this machine. @default false */
  readonly allowWeakKeys?: boolean | undefined;
}

/** Claim of the tenant that a user belongs to. */
const TENANT_CLAIM = "app";
/** Claim of what the login may do. */
const GRANTS_CLAIM = "can";
/** Characters of the longest token that is read. Node accepts no longer header lines either. */
const LONGEST_TOKEN = 16_384;

/**
 * Authenticates by JSON Web Token (RFC 7519), following RFC 8725: the algorithms are pinned, `none` is never accepted,
 * and `exp` and `nbf` are checked without leeway. A token needs an `exp`, unless `requireExpiry` is false. The claim
 * `platform`, when present, binds the login to a platform. The claim `app` is reserved for tenants: a token that names
 * one is refused, so that it never opens the data of another tenant. The claim `can` names what the login may do
 * (docs/PERMISSIONS.md). With a secret it also mints tokens.
 * @throws TidingsError `bad_request` when the options contradict each other, or a key can be guessed
 */
export function jwt(options: JwtOptions): TokenAuthenticator {
  const named = options.algorithms ?? [];
  const algorithms = named.length > 0 ? named : defaultAlgorithms(options);
  assertOptions(options, algorithms);
  const { secret } = options;
  const verifier: Verifier = {
    bySecret: secret === undefined ? undefined : new SecretTokens(secretKey(secret), algorithms),
    find: keysOf(options, algorithms, {
      cooldownMs: options.jwksCooldownMs ?? 30_000,
      report: options.report ?? (() => undefined),
    }),
    algorithms: [...algorithms],
    issuer: options.issuer,
    audience: options.audience,
    userClaim: options.userClaim ?? "sub",
    requiredClaims: (options.requireExpiry ?? true) ? ["exp"] : [],
  };
  const parts = { mode: "token", onlyTokens: true, warnings: warningsOf(options) } as const;
  const authenticator = answeredBy(parts, ({ token }) => authenticate(token, verifier));
  if (secret !== undefined) {
    const minter = new Minter({ ...options, algorithm: algorithms[0] ?? "HS256", secret });
    authenticator.mint = (claims) => minter.mint(claims);
  }
  return authenticator;
}

interface Verifier {
  /** Undefined without a secret. */
  readonly bySecret: SecretTokens | undefined;
  readonly find: FindKey;
  readonly algorithms: string[];
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly userClaim: string;
  readonly requiredClaims: string[];
}

function assertOptions(options: JwtOptions, algorithms: readonly string[]): void {
  const problems = jwtProblems(options, algorithms);
  const keys = [options.secret, options.publicKey, options.jwksUrl].filter((key) => key !== undefined);
  if (keys.length === 0) problems.push("jwt: expected one of secret, publicKey and jwksUrl");
  if (options.userClaim === TENANT_CLAIM)
    problems.push(`jwt.userClaim: ${TENANT_CLAIM} is reserved for tenants`);
  if (keys.includes("")) problems.push("jwt: expected a secret or key of at least one character");
  else if (!options.allowWeakKeys) problems.push(...weakJwtProblems(options));
  if (problems.length > 0) throw new TidingsError("bad_request", problems.join("\n"));
}

function warningsOf(options: JwtOptions): string[] {
  const warnings = weakJwtProblems(options).map((problem) => `a weak key is allowed: ${problem}`);
  if (options.audience === undefined) {
    warnings.push(
      "jwt.audience (JWT_AUDIENCE) is not set: every token that this key or issuer signs logs in here, also one that is " +
        "meant for another service",
    );
  }
  return warnings;
}

/** Answers at once about a token that is signed with the secret. */
function authenticate(token: string | undefined, verifier: Verifier): Identity | Promise<Identity> {
  if (token === undefined || token === "") throw refusal("a token is required");
  if (token.length > LONGEST_TOKEN) throw refusal(`the token is longer than ${LONGEST_TOKEN} characters`);
  const { bySecret, algorithms, issuer, audience, requiredClaims, userClaim } = verifier;
  const claims = { algorithms, issuer, audience, requiredClaims };
  let payload: JWTPayload | undefined;
  try {
    payload = bySecret?.claimsOf(token, claims);
  } catch (error) {
    throw refusalFor(error);
  }
  if (payload !== undefined) return identityOf(payload, userClaim);
  return verify(token, verifier.find, claims).then((verified) => identityOf(verified, userClaim));
}

async function verify(token: string, find: FindKey, claims: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, find, claims)).payload;
  } catch (error) {
    if (error instanceof TidingsError) throw error;
    // Without `cause`, because it holds the claims and errors are logged.
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw refusalFor(error);
    return verifyWithAny(token, error, claims);
  }
}

/** Verifies a token that names no key where several fit, as during a rotation of keys without a `kid`. */
async function verifyWithAny(
  token: string,
  keys: AsyncIterable<CryptoKey>,
  claims: JWTVerifyOptions,
): Promise<JWTPayload> {
  let failure: unknown;
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, claims)).payload;
    } catch (error) {
      failure = error;
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
    }
  }
  throw refusalFor(failure);
}

/** The error of a token that was not verified. Its time is another matter than its validity: a fresh token helps. */
function refusalFor(error: unknown): TidingsError {
  if (error instanceof errors.JWTExpired) return new TidingsError("token_expired", "the token has expired");
  const isEarly = error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf";
  if (isEarly && error.reason === "check_failed")
    return new TidingsError("token_expired", "the token is not valid yet");
  return refusal(reasonFor(error));
}

function reasonFor(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "exp" && error.reason === "missing")
      return "the token has no expiry: give it the claim exp";
    return `the token's claim ${error.claim} is not accepted`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's algorithm is not accepted";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is not valid";
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
  const tenant = Object.hasOwn(payload, TENANT_CLAIM) ? payload[TENANT_CLAIM] : "";
  if (tenant !== "")
    throw refusal(`the token's claim ${TENANT_CLAIM}: expected none, this version has no tenants`);
  const identity: Identity = { user, claims: Object.freeze(payload) };
  if (exp !== undefined) identity.expiresAt = exp * 1000;
  if (platform !== undefined) identity.platform = platform;
  if (Object.hasOwn(payload, GRANTS_CLAIM)) identity.can = grantsIn(payload[GRANTS_CLAIM]);
  return identity;
}

/** A claim that is no grant is refused: whoever minted the token believes that it permits something. */
function grantsIn(claim: unknown): Grants {
  const problem = grantsProblem(claim);
  if (problem !== undefined) throw refusal(`the token's claim ${GRANTS_CLAIM}: ${problem}`);
  return claim as Grants; // grantsProblem found nothing wrong
}

const refusal = (message: string): TidingsError => new TidingsError("unauthorized", message);
