import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { z } from "zod";
import { isSubnet, parseRate } from "../limit/limit.ts";
import { type Grants, grantsProblem, ID_RULE, isId, isPattern, PATTERN_RULE } from "../protocol/protocol.ts";
import { splitHosts } from "./hosts.ts";

/**
 * Schemas for the values of keys. Each accepts text, as in flags and the environment, and the value itself, as in files
 * and code. The error message of a schema names the expected value.
 */

/** Maximum delay of a Node timer in milliseconds, about 24 days. */
const MAX_TIMER_MS = 2_147_483_647;

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  const to = max === Number.MAX_SAFE_INTEGER ? "" : ` to ${max}`;
  const error = `a whole number from ${min}${to}`;
  return z.preprocess(readNumber, z.int({ error }).min(min, { error }).max(max, { error }));
}

/** Milliseconds for a timer. */
export const milliseconds = (min: number): z.ZodType<number> => whole(min, MAX_TIMER_MS);

/** Seconds for a timer; fractions are accepted. */
export function seconds(): z.ZodType<number> {
  const max = Math.floor(MAX_TIMER_MS / 1000);
  const error = `a number of seconds above 0, at most ${max}`;
  return z.preprocess(readNumber, z.number({ error }).positive({ error }).max(max, { error }));
}

/** A boolean. Text writes it as `1`, `0`, `true` or `false`. */
export function flag(): z.ZodType<boolean> {
  return z.preprocess(readBoolean, z.boolean({ error: "true or false (or 1 or 0)" }));
}

/** Well-formed text that `accept` allows. @default any text that is not blank */
export function text(expected: string, accept: (value: string) => boolean = isFilled): z.ZodType<string> {
  const isAccepted = (value: string): boolean => isWellFormed(value) && accept(value);
  return z.string({ error: expected }).refine(isAccepted, { error: expected });
}

/** Node decodes variables, arguments and files that are no UTF-8 with U+FFFD, so different values would become one. */
const isWellFormed = (value: string): boolean => value.isWellFormed() && !value.includes("\ufffd");

/** A directory, or `false` for none. */
export function directory(): z.ZodType<string | false> {
  const expected = "a directory such as ./data, or false for none";
  const path = text(expected, (value) => isFilled(value) && !value.includes("\0"));
  const check = z.unknown().superRefine((value, context) => {
    if (value !== false && !path.safeParse(value).success)
      context.addIssue({ code: "custom", message: expected });
  });
  return z.preprocess(readBoolean, check) as z.ZodType<string | false>; // checked above
}

/** One of the given words. */
export function oneOf<const Words extends readonly string[]>(words: Words): z.ZodType<Words[number]> {
  return z.enum(words, { error: `one of ${words.join(", ")}` });
}

/** A list. Text writes it with commas between the items. */
export function list<Item>(expected: string, item: z.ZodType<Item>): z.ZodType<readonly Item[]> {
  return z.preprocess(readList, z.array(item, { error: expected }));
}

/** A rate such as `200-M` (see `parseRate` in `tidings/limit`), or `off` for none. */
export const rate = (): z.ZodType<string> => text(`${RATE_FORM}, or off`, isRateOrOff);

const RATE_FORM = "a rate such as 200-M (S, M, H or D: second, minute, hour or day)";

function isRateOrOff(value: string): boolean {
  try {
    return value === OFF || parseRate(value).limit > 0;
  } catch {
    return false;
  }
}

/** In place of a rate: nothing is limited. */
export const OFF = "off";

/** Rates by name. Text writes them as JSON. @param example a name, for the error */
export function ratesOf(names: string, example: string): z.ZodType<Readonly<Record<string, string>>> {
  const error = `an object of ${names} and rates, such as {"${example}":"10-S"}`;
  const record = z.record(z.string(), z.unknown(), { error }).superRefine((rates, context) => {
    const wrong = Object.keys(rates).find((name) => !isRateOrOff(String(rates[name])));
    if (wrong !== undefined)
      context.addIssue({ code: "custom", message: `${RATE_FORM}, or off, for ${JSON.stringify(wrong)}` });
  });
  return z.preprocess(readJson, record) as z.ZodType<Readonly<Record<string, string>>>; // checked above
}

/** Retention of channels by patterns: `none`, or some of these. `last`: last-value channels. */
type Rules = Readonly<
  Record<
    string,
    | "none"
    | { readonly count?: number; readonly ageMs?: number; readonly bytes?: number }
    | { readonly last: true; readonly ageMs?: number; readonly bytes?: number }
  >
>;

/** Patterns of retention, at most: a message may be compared with each. */
const MAX_RULES = 100;

/** Retention by patterns of channels. Text writes it as JSON. */
export function retentionRules(): z.ZodType<Rules> {
  const form = `an object of patterns and what they keep, such as {"group:live-*":{"count":100},"group:typing-*":"none"}`;
  const number = z.int().min(1).optional();
  const others = { ageMs: number, bytes: number };
  const rule = z.union([
    z.literal("none"),
    z.strictObject({ count: number, ...others }),
    z.strictObject({ last: z.literal(true), ...others }),
  ]);
  const rules = z.record(z.string(), z.unknown(), { error: form }).superRefine((given, context) => {
    const wrong = Object.entries(given).find(
      ([pattern, kept]) => !isPattern(pattern) || !rule.safeParse(kept).success,
    );
    const add = (message: string): void => context.addIssue({ code: "custom", message });
    if (Object.keys(given).length > MAX_RULES) add(`${form}, at most ${MAX_RULES} of them`);
    if (wrong === undefined) return;
    const [pattern, kept] = wrong;
    if (!isPattern(pattern))
      add(`${form}: ${JSON.stringify(pattern).slice(0, 100)} is none of ${PATTERN_RULE}`);
    else
      add(
        `"none", or some of count (or "last": true), ageMs and bytes as whole numbers from 1, for ${pattern}, not ${JSON.stringify(kept)}`,
      );
  });
  return z.preprocess(readJson, rules) as z.ZodType<Rules>; // checked above
}

/** Grants of visitors, or whether there are visitors. Text writes grants as JSON. */
export function grants(): z.ZodType<boolean | Grants> {
  const form = 'true, false or an object of grants such as {"join":["group:lobby"]}';
  const check = z.unknown().superRefine((value, context) => {
    const problem = typeof value === "boolean" ? undefined : grantsProblem(value);
    if (problem !== undefined) context.addIssue({ code: "custom", message: `${form} (${problem})` });
  });
  const read = (value: unknown): unknown => readJson(readBoolean(value));
  return z.preprocess(read, check) as z.ZodType<boolean | Grants>; // checked above
}

/** A URL of one of the protocols. `fetch` refuses user and password in a URL, and its error would show them. */
export const url = (expected: string, ...protocols: string[]): z.ZodType<string> =>
  text(`${expected}, without user and password`, (value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, username, password } = new URL(value);
    return protocols.includes(protocol) && username === "" && password === "";
  });

/**
 * Address of Redis: one server (`redis://`), its Sentinels (`redis-sentinel://a:26379,b:26379/0#mymaster`), or some
 * nodes of a Redis Cluster (`redis-cluster://a:7000,b:7001`). `rediss…` uses TLS.
 */
export const redisUrl = (): z.ZodType<string> =>
  text(
    "a URL such as redis://localhost:6379, redis-sentinel://a:26379,b:26379/0#mymaster or redis-cluster://a:7000,b:7000",
    isRedisUrl,
  );

/** Target of the message log: `stdout`, a SQLite file, or the URL of a PostgreSQL database. */
export const logTarget = (): z.ZodType<string> =>
  text(
    "stdout, sqlite:<file> or a URL such as postgres://user:password@localhost:5432/tidings, with %23, %25, %2F and %40 for #, %, / and @ in the password",
    isLogTarget,
  );

/** A database: a SQLite file, or the URL of a PostgreSQL database. */
export const databaseTarget = (): z.ZodType<string> =>
  text(
    "sqlite:<file> or a URL such as postgres://user:password@localhost:5432/tidings, with %23, %25, %2F and %40 for #, %, / and @ in the password",
    (value) => value !== "stdout" && isLogTarget(value),
  );

/** Scopes of API keys: `admin` allows everything, `publish` sends messages, `read` reads. */
export const SCOPES = ["admin", "publish", "read"] as const;

export type Scope = (typeof SCOPES)[number];

/** An API key: characters that an HTTP header can carry. */
export const apiKey = (): z.ZodType<string> => text("a key of printable ASCII characters", isPrintable);

/** API keys, each behind its scope: `publish:…`. */
export function apiKeys(): z.ZodType<readonly string[]> {
  const expected = `a list such as publish:<key>,read:<key>, of the scopes ${SCOPES.join(", ")}`;
  return list(expected, text(expected, isApiKey));
}

export const isApiKey = (value: string): boolean => {
  const { scope, key } = splitApiKey(value);
  return SCOPES.includes(scope) && isPrintable(key);
};

/** Splits an item of `apiKeys` at its first colon. The scope is one of {@link SCOPES} if {@link isApiKey} accepts the item. */
export function splitApiKey(value: string): { scope: Scope; key: string } {
  const colon = value.indexOf(":");
  return { scope: value.slice(0, Math.max(0, colon)) as Scope, key: value.slice(colon + 1) };
}

const isPrintable = (value: string): boolean => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value);

export const id = (): z.ZodType<string> => text(ID_RULE, isId);

/** An address or a network, such as `172.17.0.0/16`, but none of all addresses. */
export const network = (expected: string): z.ZodType<string> => text(expected, isSubnet);

export const ip = (): z.ZodType<string> => text("an IPv4 or IPv6 address", (value) => isIP(value) !== 0);

/** A public key or certificate in PEM. `\n` means a line break, because many tools cannot set one in a variable. */
export function pem(): z.ZodType<string> {
  const unfold = (value: unknown) => (typeof value === "string" ? value.replaceAll("\\n", "\n") : value);
  return z.preprocess(unfold, text("a public key or certificate in PEM", isPublicKey));
}

/** Certificates in PEM, or the path of a file with them. */
export const certificates = (): z.ZodType<string> =>
  pemOrFile("a certificate in PEM, or the path of a file with one", (text) => new X509Certificate(text));

/** A private key in PEM, or the path of a file with one. */
export const privateKey = (): z.ZodType<string> =>
  pemOrFile("a private key in PEM without a passphrase, or the path of a file with one", createPrivateKey);

function pemOrFile(expected: string, parse: (text: string) => unknown): z.ZodType<string> {
  const read = (value: unknown): unknown => {
    if (typeof value !== "string") return value;
    if (value.includes("-----BEGIN")) return value.replaceAll("\\n", "\n");
    try {
      return readFileSync(value, "utf8");
    } catch {
      return ""; // is refused below
    }
  };
  const isPem = (text: string): boolean => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
  return z.preprocess(read, text(expected, isPem));
}

const isFilled = (value: string): boolean => value.trim() !== "";

const REDIS_PROTOCOL = /^rediss?(-sentinel|-cluster)?:$/;

function isRedisUrl(value: string): boolean {
  const { url: first, others } = splitHosts(value);
  const further = others
    .split(",")
    .slice(1)
    .map((host) => `redis://${host}`);
  const hasHost = (url: string): boolean => URL.canParse(url) && new URL(url).hostname !== "";
  if (![first, ...further].every(hasHost)) return false;
  const { protocol, pathname, search } = new URL(first);
  const [, kind] = REDIS_PROTOCOL.exec(protocol) ?? [];
  if (!REDIS_PROTOCOL.test(protocol) || search !== "" || !/^\/?\d*$/.test(pathname)) return false;
  if (kind === "-cluster") return /^\/?0?$/.test(pathname); // a cluster has only database 0
  return kind === "-sentinel" || others === "";
}

function isLogTarget(value: string): boolean {
  if (value === "stdout") return true;
  // SQLite would give each thread a database of its own for the name ":memory:", and for none.
  if (value.startsWith("sqlite:")) return !/^sqlite:(\s*$|:|\/\/)/.test(value) && !value.includes("\0");
  return /^postgres(ql)?:\/\//.test(value) && URL.canParse(value) && isDatabaseUrl(new URL(value));
}

/** Characters of a password that are not escaped end up in other parts, which errors show: `/`, `#`, `%`. */
function isDatabaseUrl({ username, password, pathname, hash }: URL): boolean {
  try {
    decodeURIComponent(username + password);
  } catch {
    return false;
  }
  return hash === "" && /^\/?[^/@]*$/.test(pathname);
}

function isPublicKey(value: string): boolean {
  if (value.includes("PRIVATE KEY")) return false;
  try {
    createPublicKey(value);
    return true;
  } catch {
    return false;
  }
}

function readNumber(value: unknown): unknown {
  return typeof value === "string" && /^[+-]?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}

const BOOLEANS = new Map<unknown, boolean>([
  ["1", true],
  ["0", false],
  ["true", true],
  ["false", false],
  [1, true],
  [0, false],
]);

const readBoolean = (value: unknown): unknown => BOOLEANS.get(value) ?? value;

function readJson(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // is refused by the schema
  }
}

function readList(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const items = value.split(",").map((item) => item.trim());
  return items.filter((item) => item !== "");
}

/** Signature algorithms that a token may have. `none` is not among them. */
export const ALGORITHMS = [
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

export type JwtAlgorithm = (typeof ALGORITHMS)[number];
