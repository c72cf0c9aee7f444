import type { Backplane } from "../backplane/backplane.ts";
import type { Local } from "../local/local.ts";
import { type Channel, type ConnectionInfo, TidingsError, targetOf } from "../protocol/protocol.ts";

/** Operation on a channel that needs permission. */
export type Verb = "join" | "publish" | "history";

/**
 * Policy that decides whether a user may do something with a channel. The application may replace it.
 * @param connection that asks, with the address of its client
 */
export type Authorize = (
  user: string,
  verb: Verb,
  channel: Channel,
  connection: ConnectionInfo,
) => boolean | Promise<boolean>;

/**
 * Default policy. Anyone may publish to any user and join any group. Members of a group (joined or durable) may publish
 * to it and read its history. Everyone may read the history of `all`; `clientBroadcast` decides who may publish to it:
 * everyone or nobody.
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

/** @throws TidingsError `forbidden` when the policy denies the operation */
export async function assertAllowed(
  authorize: Authorize,
  connection: ConnectionInfo,
  verb: Verb,
  channel: Channel,
): Promise<void> {
  const { user } = connection;
  const answer = authorize(user, verb, channel, connection);
  if (answer === true || (await answer) === true) return;
  throw new TidingsError("forbidden", `${user} may not ${WORDS[verb]} ${channel}`);
}

const WORDS: Record<Verb, string> = { join: "join", publish: "publish to", history: "read the history of" };
