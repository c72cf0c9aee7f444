import { TidingsError } from "./errors.ts";

/** A named audience: one user on all devices, a group, or everyone. */
export type Channel = `user:${string}` | `group:${string}` | "all";

/** The audience as it stands in a message: `to` one user, a `group`, or neither for everyone. */
export interface Target {
  to?: string;
  group?: string;
}

/** Ids of users, groups, platforms and devices: 1–128 characters, none of them a control character. */
const ID = /^[^\p{Cc}]{1,128}$/u;

export const isId = (value: unknown): value is string => typeof value === "string" && ID.test(value);

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
  if (channel.startsWith("user:")) return { to: channel.slice(5) };
  return { group: channel.slice(6) };
}

/** Tells whether a value names a channel: `all`, `user:<id>` or `group:<id>`. */
export function isChannel(value: unknown): value is Channel {
  if (typeof value !== "string") return false;
  if (value === "all") return true;
  if (value.startsWith("user:")) return isId(value.slice(5));
  return value.startsWith("group:") && isId(value.slice(6));
}

/** @throws TidingsError `bad_request` when the value is no channel. */
export function parseChannel(value: unknown): Channel {
  if (isChannel(value)) return value;
  throw new TidingsError("bad_request", 'channel: expected "all", "user:<id>" or "group:<id>"');
}
