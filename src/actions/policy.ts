import type { Backplane } from "../backplane/backplane.ts";
import type { Local } from "../local/local.ts";
import { type Channel, TidingsError, targetOf } from "../protocol/protocol.ts";

/** What a user wants to do with a channel. */
export type Verb = "join" | "publish" | "history";

/** Decides what users may do. The application may bring its own. */
export type Authorize = (user: string, verb: Verb, channel: Channel) => boolean | Promise<boolean>;

/**
 * The policy when the application has none: anyone may write to any user and join any group; groups are written
 * and read by their members (joined or durable); `all` is read by everyone, and written to when `clientBroadcast` says so.
 */
export function defaultPolicy(local: Local, backplane: Backplane, clientBroadcast: boolean): Authorize {
  const isMember = async (group: string, user: string): Promise<boolean> =>
    local.hasMember(group, user) || (await backplane.memberships.groupsOf(user)).includes(group);
  return (user, verb, channel) => {
    const { to, group } = targetOf(channel);
    if (group !== undefined) return verb === "join" || isMember(group, user);
    if (to !== undefined) return verb === "publish" || to === user;
    return verb === "history" || clientBroadcast;
  };
}

/** @throws TidingsError `forbidden` when the policy says no */
export async function assertAllowed(
  authorize: Authorize,
  user: string,
  verb: Verb,
  channel: Channel,
): Promise<void> {
  const answer = authorize(user, verb, channel);
  if (answer === true || (await answer) === true) return;
  throw new TidingsError("forbidden", `${user} may not ${WORDS[verb]} ${channel}`);
}

const WORDS: Record<Verb, string> = { join: "join", publish: "publish to", history: "read the history of" };
