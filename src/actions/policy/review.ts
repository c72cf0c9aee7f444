import type { Backplane } from "../../backplane/backplane.ts";
import type { Connection } from "../../local/local.ts";
import { type Members, PlacedGroups, type WatchedRooms, type Watchers } from "../../members/members.ts";
import { encodeServerFrame, groupChannel, type SerialPerKey, userChannel } from "../../protocol/protocol.ts";
import type { Policy } from "./asking.ts";

export interface ReviewPorts {
  readonly policy: Policy;
  readonly members: Members;
  readonly watchers: Watchers;
  readonly rooms: WatchedRooms;
  readonly backplane: Pick<Backplane, "memberships">;
  /** Runs joins and leaves of a connection one after the other. */
  readonly groupChanges: SerialPerKey<Connection>;
}

/**
 * Asks again for the rights that a connection uses: the groups that it has joined and the presence that it watches. It leaves what
 * it lost, and hears of each group by a notice. Groups that the application has given it end by the application only.
 * @throws TidingsError `unavailable` without the backplane, or the error of the policy; the connection keeps what was not asked yet
 */
export const reviewer =
  (ports: ReviewPorts) =>
  async (connection: Connection): Promise<void> => {
    await ports.groupChanges.run(connection, () => reviewGroups(ports, connection));
    await reviewPresence(ports, connection);
  };

async function reviewGroups(
  { policy, members, backplane }: ReviewPorts,
  connection: Connection,
): Promise<void> {
  if (connection.groups.length === 0) return;
  const durable = new Set(await backplane.memberships.groupsOf(connection.user));
  const isGiven = (group: string): boolean =>
    durable.has(group) || connection.attachment(PlacedGroups)?.names.has(group) === true;
  for (const [step, group] of connection.groups.entries()) {
    await members.pace.after(step);
    if (isGiven(group) || (await policy.allows(connection, "join", groupChannel(group))) === true) continue;
    await members.leave(connection, group);
    connection.send(lostNotice(group, policy.deny(connection, "join", groupChannel(group))));
  }
}

async function reviewPresence(
  { policy, members, watchers, rooms }: ReviewPorts,
  connection: Connection,
): Promise<void> {
  const { everyone, users } = watchers.watchedBy(connection);
  if (everyone && (await policy.allows(connection, "presence", "all")) !== true) watchers.unwatch(connection);
  for (const [step, user] of users.entries()) {
    await members.pace.after(step);
    if ((await policy.allows(connection, "presence", userChannel(user))) !== true)
      watchers.unwatch(connection, user);
  }
  for (const [step, group] of rooms.watchedBy(connection).entries()) {
    await members.pace.after(step);
    if ((await policy.allows(connection, "presence", groupChannel(group))) !== true)
      rooms.unwatch(connection, group);
  }
}

const lostNotice = (group: string, message: string): string =>
  encodeServerFrame({ event: "notice", code: "forbidden", message, data: { channel: groupChannel(group) } });
