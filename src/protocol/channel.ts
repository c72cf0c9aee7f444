import { TidingsError } from "./errors.ts";
import { isId } from "./names.ts";

/** A named audience: one user on all devices, a group, or everyone. */
export type Channel = `user:${string}` | `group:${string}` | "all";

/** The audience of a message: `to` one user, a `group`, or neither for everyone. */
export interface Target {
  to?: string;
  group?: string;
}

/**
 * Methods taken from the prototype, for the path of every message. V8 has many forms of strings and would look up the
 * method anew for each form: per character, the look-ups were a tenth of the cost of publishing. The SDK needs none of
 * them, and its bundlers leave out only what is marked as pure.
 */
const slice = /* @__PURE__ */ (() => String.prototype.slice)();
const startsWith = /* @__PURE__ */ (() => String.prototype.startsWith)();
const USER = "user:";
const GROUP = "group:";

export const userChannel = (user: string): Channel => `user:${user}`;
export const groupChannel = (group: string): Channel => `group:${group}`;

/** Returns the channel of a message with this `to` or `group`. */
export function channelOf(target: Target): Channel {
  if (target.group !== undefined) return groupChannel(target.group);
  return target.to === undefined ? "all" : userChannel(target.to);
}

/** Returns the audience of a channel: the inverse of {@link channelOf}. */
export function targetOf(channel: Channel): Target {
  if (channel === "all") return {};
  if (isUserChannel(channel)) return { to: userOf(channel) };
  return { group: slice.call(channel, GROUP.length) };
}

export const isUserChannel = (channel: string): boolean => startsWith.call(channel, USER);

/** Returns the user of a channel that {@link isUserChannel} accepts. */
export const userOf = (channel: Channel): string => slice.call(channel, USER.length);

/** Checks for a channel name: `all`, `user:<id>` or `group:<id>`. */
export function isChannel(value: unknown): value is Channel {
  if (typeof value !== "string") return false;
  if (value === "all") return true;
  if (value.startsWith(USER)) return isId(value.slice(USER.length));
  return value.startsWith(GROUP) && isId(value.slice(GROUP.length));
}

/** @throws TidingsError `bad_request` when the value is not a channel name */
export function parseChannel(value: unknown): Channel {
  if (isChannel(value)) return value;
  throw new TidingsError("bad_request", 'channel: expected "all", "user:<id>" or "group:<id>"');
}
