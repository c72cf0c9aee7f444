import { z } from "zod";
import { TidingsError } from "../protocol/protocol.ts";
import { isSubnet, NETWORK_FORM, parseNetwork } from "./networks.ts";
import { RATE_FORM, readRate } from "./rate.ts";

/** The configuration of a rate limiter: everything that can be written in a file, and changed while it runs. */
export interface RateLimitConfig {
  /** The rate of every route without a rate of its own: `"200-M"`. */
  readonly rate: string;
  /**
   * Rates of routes: `{ "/api/v1/heavy": "10-S" }`. A key is a whole path, the pattern of a framework's router (`/users/:id`), or, with
   * `/*` at its end, everything below a path. A pattern counts before a path, a whole path before `/*`, a long one before a short one.
   * Each key has a count of its own, whatever the identifier.
   * @default {}
   */
  readonly perRouteRates?: Readonly<Record<string, string>> | undefined;
  /**
   * Requests with the same identifier have one count: `ip`, the client's address; `user`, the user of the application; `header`, the value of
   * the header `headerName`; `ip+route`, address and route. Without a user or header it is the address.
   * @default "ip"
   */
  readonly identifier?: "ip" | "user" | "header" | "ip+route" | undefined;
  /** Name of the header with the client's name, for `identifier: "header"`. @default "X-Client-ID" */
  readonly headerName?: string | undefined;
  /** Addresses and networks that are not limited: `["10.0.0.0/8"]`. @default [] */
  readonly whitelistCIDRs?: readonly string[] | undefined;
  /** Paths that are not limited. An entry that ends in `/` stands for everything below it. @default [] */
  readonly skipPaths?: readonly string[] | undefined;
  /** Adds X-RateLimit-*, RateLimit, RateLimit-Policy and Retry-After to answers. @default true */
  readonly addHeaders?: boolean | undefined;
  /** Status of a refusal. @default 429 */
  readonly denyStatus?: number | undefined;
  /** Text of a refusal, in the JSON `{"error": …}`. @default "Too Many Requests" */
  readonly denyMessage?: string | undefined;
  /** Addresses and networks of the proxies in front, whose X-Forwarded-For is believed. @default [] */
  readonly trustProxy?: readonly string[] | undefined;
  /** Bits of an IPv6 address that name a client, 1–128. @default 64 */
  readonly ipv6Prefix?: number | undefined;
  /** Answer while the store fails: everything is allowed, or everything is refused with 503. @default "allow" */
  readonly onStoreError?: "allow" | "deny" | undefined;
  /** Milliseconds after which a store without an answer counts as failed. @default 250 */
  readonly storeTimeoutMs?: number | undefined;
}

/** A configuration in which every key has a value. */
export type CompleteConfig = { readonly [Key in keyof RateLimitConfig]-?: NonNullable<RateLimitConfig[Key]> };

const MAX_TIMER_MS = 2_147_483_647;
/** A field name of RFC 9110, 5.1. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~\w-]{1,255}$/;

/** Text that passes a check. @param expected what the error says */
const text = (expected: string, accept: (value: string) => boolean): z.ZodType<string> =>
  z.string({ error: expected }).refine(accept, { error: expected });

const whole = (min: number, max: number, error = `a whole number from ${min} to ${max}`): z.ZodType<number> =>
  z.int({ error }).min(min, { error }).max(max, { error });

const list = (expected: string, accept: (value: string) => boolean): z.ZodType<readonly string[]> =>
  z.array(text(expected, accept), { error: `a list, each ${expected}` });

const PATH_FORM = "a path that begins with / and has no query";
const isPath = (value: string): boolean => /^\/[^?#]*$/.test(value);
const rate = text(RATE_FORM, (value) => readRate(value) !== undefined);
const isNetwork = (value: string): boolean => parseNetwork(value) !== undefined;
const PROXY_FORM = `${NETWORK_FORM}, but not one of all addresses`;

const SCHEMA: z.ZodType<RateLimitConfig> = z.strictObject({
  rate,
  perRouteRates: z
    .record(z.string(), rate, { error: "an object of paths and rates" })
    .superRefine((rates, context) => {
      for (const path of Object.keys(rates)) {
        if (!isPath(path)) context.addIssue({ code: "custom", path: [path], message: PATH_FORM });
      }
    })
    .optional(),
  identifier: z
    .enum(["ip", "user", "header", "ip+route"], { error: "ip, user, header or ip+route" })
    .optional(),
  headerName: text("the name of a header", (value) => FIELD_NAME.test(value)).optional(),
  whitelistCIDRs: list(NETWORK_FORM, isNetwork).optional(),
  skipPaths: list(PATH_FORM, isPath).optional(),
  addHeaders: z.boolean({ error: "true or false" }).optional(),
  denyStatus: whole(400, 599, "an HTTP status from 400 to 599").optional(),
  denyMessage: text("a text of at least one character", (value) => value !== "").optional(),
  trustProxy: list(PROXY_FORM, isSubnet).optional(),
  ipv6Prefix: whole(1, 128).optional(),
  onStoreError: z.enum(["allow", "deny"], { error: "allow or deny" }).optional(),
  storeTimeoutMs: whole(1, MAX_TIMER_MS).optional(),
});

const DEFAULTS: Omit<CompleteConfig, "rate"> = {
  perRouteRates: {},
  identifier: "ip",
  headerName: "X-Client-ID",
  whitelistCIDRs: [],
  skipPaths: [],
  addHeaders: true,
  denyStatus: 429,
  denyMessage: "Too Many Requests",
  trustProxy: [],
  ipv6Prefix: 64,
  onStoreError: "allow",
  storeTimeoutMs: 250,
};

/**
 * Checks a configuration and completes it with defaults. A key that is undefined gets its default.
 * @throws TidingsError `bad_request`: one error that names each wrong key and what was expected
 */
export function completeConfig(input: unknown): CompleteConfig {
  const checked = SCHEMA.safeParse(input);
  if (!checked.success) throw configError(checked.error.issues.map(problemOf));
  const given = Object.entries(checked.data).filter(([, value]) => value !== undefined);
  const copy = structuredClone(Object.fromEntries(given)) as RateLimitConfig; // keys and values of the checked object
  return Object.freeze({ ...DEFAULTS, ...copy } as CompleteConfig); // undefined was filtered out
}

/** One error for all problems of a configuration. */
export const configError = (problems: readonly string[]): TidingsError =>
  new TidingsError("bad_request", `rate limiter: ${problems.join("; ")}`);

function problemOf({ code, path, message, ...issue }: z.core.$ZodIssue): string {
  if (code === "unrecognized_keys" && "keys" in issue) {
    return `${(issue.keys as string[]).join(", ")}: unknown, the keys are ${KEYS.join(", ")}`; // typed by zod's code
  }
  return path.length === 0 ? `expected a configuration object` : `${placeOf(path)}: expected ${message}`;
}

const KEYS = ["rate", ...Object.keys(DEFAULTS)];

/** `perRouteRates["/a"]`, `skipPaths[1]`. */
const placeOf = ([key, ...rest]: readonly PropertyKey[]): string =>
  `${String(key)}${rest.map((part) => `[${typeof part === "number" ? part : JSON.stringify(String(part))}]`).join("")}`;
