import { TidingsError } from "../errors.ts";
import { idError, isId } from "../names.ts";
import { escapeId, isPattern, matchesPattern, PATTERN_RULE } from "./pattern.ts";

/** Operations on a channel that need permission. */
export const VERBS = ["join", "send", "edit", "history", "presence"] as const;

/** Operation on a channel that needs permission. */
export type Verb = (typeof VERBS)[number];

/**
 * Permissions of a login, such as the claim `can` of a token: patterns of channels for each operation. A pattern is
 * `all`, `user:<id>` or `group:<id>`. A `*` at its end stands for any rest, and `\*` for the character itself.
 */
export type Grants = { readonly [Each in Verb]?: readonly string[] | undefined };

/** A pattern, or the id of a group or a user, in which `*` has no meaning. */
export type Grant = string | { readonly group: string } | { readonly user: string };

/** Permissions to mint: see {@link Grants}. */
export type GrantsInput = { readonly [Each in Verb]?: readonly Grant[] | undefined };

/** Patterns of one operation, at most: each question to the policy may look at all of them. */
const MAX_PATTERNS = 1_000;

/** Tells whether grants permit an operation on a channel. */
export function isGranted(can: Grants | undefined, verb: Verb, channel: string): boolean {
  const patterns = can?.[verb];
  if (patterns === undefined) return false;
  for (const pattern of patterns) if (matchesPattern(pattern, channel)) return true;
  return false;
}

/** Finds what is wrong with the grants of a token. @returns undefined when nothing is */
export function grantsProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `expected an object such as {"join":["group:team-*"]}`;
  for (const [verb, patterns] of Object.entries(value)) {
    if (!VERBS.includes(verb as Verb)) return `${shown(verb)}: expected one of ${VERBS.join(", ")}`; // any text
    if (patterns === undefined) continue;
    if (!Array.isArray(patterns) || patterns.length > MAX_PATTERNS)
      return `${verb}: expected a list of at most ${MAX_PATTERNS.toLocaleString("en")} channels`;
    const wrong = patterns.find((pattern) => !isPattern(pattern));
    if (wrong !== undefined || patterns.includes(undefined))
      return `${verb}: expected ${PATTERN_RULE}, got ${shown(wrong)}`;
  }
  return undefined;
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 100);

/**
 * Makes grants of what an application gives. Ids are escaped, so that a name with a `*` grants nothing else.
 * @throws TidingsError `bad_request` for what is no grant
 */
export function grantsOf(input: GrantsInput): Grants {
  const given: unknown = input;
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw wrong(grantsProblem(given));
  const can = Object.fromEntries(
    Object.entries(given)
      .filter(([, grants]) => grants !== undefined)
      .map(([verb, grants]) => [verb, Array.isArray(grants) ? grants.map(patternOf) : grants]),
  );
  const problem = grantsProblem(can);
  if (problem !== undefined) throw wrong(problem);
  return can;
}

const wrong = (problem: string | undefined): TidingsError =>
  new TidingsError("bad_request", `can: ${problem}`);

function patternOf(grant: unknown): unknown {
  if (typeof grant !== "object" || grant === null) return grant;
  for (const kind of ["group", "user"] as const) {
    if (!Object.hasOwn(grant, kind)) continue;
    const id = (grant as Record<string, unknown>)[kind]; // it has this property
    if (!isId(id)) throw idError(`can: ${kind}`);
    return `${kind}:${escapeId(id)}`;
  }
  return grant;
}

export { escapeId, isPattern, PATTERN_RULE } from "./pattern.ts";
