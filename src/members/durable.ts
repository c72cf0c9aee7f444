import type { Backplane, CommandResult } from "../backplane/backplane.ts";

/** Makes a user a durable member of a group, and joins the user's connections. */
export async function addMember(
  { memberships, cluster }: Backplane,
  group: string,
  user: string,
): Promise<CommandResult> {
  await memberships.add(group, user);
  return cluster.command({ kind: "join", user, group });
}

/** Ends a membership, and removes the user's connections from the group. */
export async function removeMember(
  { memberships, cluster }: Backplane,
  group: string,
  user: string,
): Promise<CommandResult> {
  await memberships.remove(group, user);
  return cluster.command({ kind: "leave", user, group });
}

/** A member of a group. `online`: a connection has joined. `durable`: the membership outlasts connections. */
export interface GroupMember {
  readonly user: string;
  readonly online: boolean;
  readonly durable: boolean;
}

/** Lists everyone in a group, online or durable, by user id. */
export async function groupMembers(backplane: Backplane, group: string): Promise<GroupMember[]> {
  const online = new Set(await backplane.presence.inGroup(group));
  const durable = new Set(await backplane.memberships.membersOf(group));
  return [...new Set([...online, ...durable])]
    .sort()
    .map((user) => ({ user, online: online.has(user), durable: durable.has(user) }));
}
