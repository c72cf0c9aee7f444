import { TidingsError } from "../protocol/protocol.ts";
import { isLoopback } from "./hosts.ts";
import type { Config } from "./shape.ts";
import type { Layer } from "./sources.ts";
import type { JwtAlgorithm } from "./table.ts";
import { splitApiKey } from "./values.ts";

/** The keys that verify tokens: a shared secret, or public keys. */
export interface JwtKeySource {
  readonly secret?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly jwksUrl?: string | undefined;
}

/** The accepted algorithms when `jwt.algorithms` is not set. */
export function defaultAlgorithms(source: JwtKeySource): readonly JwtAlgorithm[] {
  if (source.secret !== undefined) return ["HS256"];
  return source.publicKey === undefined && source.jwksUrl === undefined ? [] : ["RS256", "ES256"];
}

/**
 * Checks the keys against the algorithms. A public key must never serve as the secret of an HMAC (RFC 8725 section 2.1,
 * algorithm confusion), so HS algorithms require a secret, and all others require public keys.
 */
export function jwtProblems(source: JwtKeySource, algorithms: readonly string[]): string[] {
  const named = (["secret", "publicKey", "jwksUrl"] as const).filter((name) => source[name] !== undefined);
  if (named.length > 1)
    return [`jwt: expected one of secret, publicKey and jwksUrl, got ${named.join(" and ")}`];
  if (named.length === 0) return [];
  const shared = source.secret !== undefined;
  const misfits = algorithms.filter((algorithm) => algorithm.startsWith("HS") !== shared);
  if (misfits.length === 0) return [];
  const expected = shared ? "HS256, HS384 or HS512 with a secret" : "no HS algorithms with public keys";
  return [`jwt.algorithms: expected ${expected}, got ${misfits.join(", ")}`];
}

/** Bytes of the shortest secret: RFC 7518 section 3.2 requires a key as long as the hash of HS256. */
export const MIN_SECRET_BYTES = 32;

/** Characters of the shortest API key. */
const MIN_API_KEY = 16;

/** Checks that the keys for tokens can neither be guessed nor be replaced on their way. */
export function weakJwtProblems({ secret, jwksUrl }: JwtKeySource): string[] {
  const problems: string[] = [];
  if (secret !== undefined && Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
    const way = `such as one of openssl rand -hex ${MIN_SECRET_BYTES}`;
    problems.push(`jwt.secret: expected at least ${MIN_SECRET_BYTES} bytes, ${way}`);
  }
  if (jwksUrl !== undefined && isUnsafe(jwksUrl)) {
    problems.push("jwt.jwksUrl: expected https:, because whoever can change the answer can sign any token");
  }
  return problems;
}

/** Tells whether others can change the answer of a URL on its way. */
function isUnsafe(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !isLoopback(hostname);
}

/** Checks that neither secret nor API keys can be guessed, unless `security.allowWeakKeys`. */
export function weakKeyProblems({ jwt, apiKey, apiKeys, security }: Config): string[] {
  if (security.allowWeakKeys) return [];
  const problems = weakJwtProblems(jwt);
  const expected = `expected at least ${MIN_API_KEY} characters`;
  if (apiKey !== undefined && apiKey.length < MIN_API_KEY) problems.push(`apiKey: ${expected}`);
  for (const { scope, key } of apiKeys.map(splitApiKey)) {
    if (key.length < MIN_API_KEY)
      problems.push(`apiKeys: ${expected} in each key, got less in one of the scope ${scope}`);
  }
  return problems.map((problem) => `${problem} (or security.allowWeakKeys)`);
}

/** Checks the lifetimes of tokens against each other. */
export function lifetimeProblems({
  lifetime,
  maxLifetime,
}: Pick<Config["jwt"], "lifetime" | "maxLifetime">): string[] {
  if (lifetime <= maxLifetime) return [];
  return [`jwt.lifetime: expected at most jwt.maxLifetime (${maxLifetime} s), got ${lifetime} s`];
}

/** Paths of the keys that verify tokens. */
const TOKEN_KEYS = ["jwt.secret", "jwt.publicKey", "jwt.jwksUrl"] as const;

/**
 * Checks that `jwt` is not given without a key. An application that sets `jwt` wants tokens: a missing variable must
 * not turn that into development mode, which trusts every user id.
 */
export function missingKeyProblems(layers: readonly Pick<Layer, "given" | "jwtPlaces">[]): string[] {
  const hasKey = layers.some(({ given }) => TOKEN_KEYS.some((path) => given.has(path)));
  const places = layers.flatMap(({ jwtPlaces }) => jwtPlaces);
  if (hasKey || places.length === 0) return [];
  const expected = "expected a value for one of secret, publicKey and jwksUrl";
  return [`jwt: ${expected}, got none (given: ${places.join(", ")}). Leave jwt out for development mode`];
}

/** Tells whether the configuration names a key that verifies tokens. */
export const hasTokenKey = ({ secret, publicKey, jwksUrl }: JwtKeySource): boolean =>
  secret !== undefined || publicKey !== undefined || jwksUrl !== undefined;

/**
 * Keeps development mode out of production.
 * @throws TidingsError `bad_request` when NODE_ENV is `production`
 */
export function assertNotProduction(nodeEnv = process.env.NODE_ENV): void {
  if (nodeEnv?.trim().toLowerCase() !== "production") return;
  throw new TidingsError(
    "bad_request",
    "NODE_ENV is production, and nothing verifies who clients are: expected jwt.secret (JWT_SECRET), " +
      "jwt.publicKey (JWT_PUBLIC_KEY) or jwt.jwksUrl (JWT_JWKS_URL), or in code auth",
  );
}

/** Checks that each API key is given once, because two scopes of one key contradict each other. */
export function apiKeyProblems({ apiKey, apiKeys }: Pick<Config, "apiKey" | "apiKeys">): string[] {
  const keys = apiKeys.map((each) => splitApiKey(each).key);
  if (apiKey !== undefined) keys.push(apiKey);
  if (new Set(keys).size === keys.length) return [];
  return ["apiKeys: expected different keys, got one of them twice (apiKey is one of them)"];
}

/** Checks that one of the two keeps the data: they cannot both be the truth. */
export function dataProblems({ data, redis }: Pick<Config, "data" | "redis">): string[] {
  if (data === undefined || data === false || redis === undefined) return [];
  return [
    "data: expected none beside redis, which keeps the data of all nodes. Leave out one of them (DATA_DIR, REDIS_URL)",
  ];
}

/** Heartbeat intervals without a heartbeat after which other nodes may declare a node dead. */
const MISSED_HEARTBEATS = 3;

/** Checks the node timeout. A node declared dead because of a late heartbeat would lose its routes and presence. */
export function clusterProblems({ heartbeatInterval, nodeTimeout }: Config["cluster"]): string[] {
  // Whole milliseconds, because 3 × 0.1 is more than 0.3 in floating point.
  const leastMs = MISSED_HEARTBEATS * Math.round(heartbeatInterval * 1_000);
  if (Math.round(nodeTimeout * 1_000) >= leastMs) return [];
  const expected = `at least ${MISSED_HEARTBEATS} × cluster.heartbeatInterval (${leastMs / 1_000} s)`;
  return [`cluster.nodeTimeout: expected ${expected}, got ${nodeTimeout} s`];
}

/**
 * Checks the connection timeout. Between two pings a well-behaved client that is idle sends nothing, so a timeout that is
 * not clearly longer than the interval of pings cuts it.
 */
export function heartbeatProblems({ heartbeatInterval, connectionTimeout }: Config["websocket"]): string[] {
  // Whole milliseconds, because 1.2 × 0.5 is less than 0.6 in floating point.
  const leastMs = Math.ceil((Math.round(heartbeatInterval * 1_000) * 6) / 5);
  if (Math.round(connectionTimeout * 1_000) >= leastMs) return [];
  const expected = `at least 1.2 × websocket.heartbeatInterval (${leastMs / 1_000} s)`;
  return [
    `websocket.connectionTimeout: expected ${expected}, got ${connectionTimeout} s: idle clients would be cut between two pings`,
  ];
}

/** Sets the defaults that depend on other keys. */
export function completeConfig(config: Config): Config {
  if (config.jwt.algorithms.length > 0) return config;
  return { ...config, jwt: { ...config.jwt, algorithms: defaultAlgorithms(config.jwt) } };
}
