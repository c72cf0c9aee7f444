import { TidingsError } from "./errors.ts";

/** A named audience: one user on all devices, a group, or everyone. */
export type Channel = `user:${string}` | `group:${string}` | "all";

/** The audience as it stands in a message: `to` one user, a `group`, or neither for everyone. */
export interface Target {
  to?: string;
  group?: string;
}

const MAX_ID = 128;

/**
 * Taken from the prototype where every message passes: texts come in many forms inside V8, so that it would look up the method of
 * each anew; per character that was a tenth of the cost of publishing.
 */
const { charCodeAt, slice, startsWith } = String.prototype;
const USER = "user:";
const GROUP = "group:";

/** Ids of users, groups, platforms and devices: 1–128 characters, none of them a control character. */
export const isId = (value: unknown): value is string => isName(value, MAX_ID);

/** Tells whether a value is a text of 1 … `max` characters, none of them a control character. A loop is cheaper than an expression. */
export function isName(value: unknown, max: number): value is string {
  // Outside the basic plane a character has the length 2.
  if (typeof value !== "string" || value === "" || value.length > 2 * max) return false;
  for (let index = 0; index < value.length; index++)
    if (isControl(charCodeAt.call(value, index))) return false;
  return value.length <= max || [...value].length <= max;
}

/** Unicode's category Cc. */
const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code <= 0x9f);

export const userChannel = (user: string): Channel => `user:${user}`;
export const groupChannel = (group: string): Channel => `group:${group}`;

/** The channel that a message with this `to` or `group` is published to. */
export function channelOf(target: Target): Channel {
  if (target.group !== undefined) return groupChannel(target.group);
  return target.to === undefined ? "all" : userChannel(target.to);
}

/** The reverse of {@link channelOf}. */
export function targetOf(channel: Channel): Target {
  if (channel === "all") return {};
  if (isUserChannel(channel)) return { to: userOf(channel) };
  return { group: slice.call(channel, GROUP.length) };
}

export const isUserChannel = (channel: string): boolean => startsWith.call(channel, USER);

/** The user of a channel for which {@link isUserChannel} holds. */
export const userOf = (channel: Channel): string => slice.call(channel, USER.length);

/** Tells whether a value names a channel: `all`, `user:<id>` or `group:<id>`. */
export function isChannel(value: unknown): value is Channel {
  if (typeof value !== "string") return false;
  if (value === "all") return true;
  if (value.startsWith(USER)) return isId(value.slice(USER.length));
  return value.startsWith(GROUP) && isId(value.slice(GROUP.length));
}

/** @throws TidingsError `bad_request` when the value is no channel. */
export function parseChannel(value: unknown): Channel {
  if (isChannel(value)) return value;
  throw new TidingsError("bad_request", 'channel: expected "all", "user:<id>" or "group:<id>"');
}
