import type { Backplane } from "../backplane/backplane.ts";

/** The idempotency key of a publish by the application. Keys of the application and of its users never meet. */
export const applicationKey = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : `app/${key}`;

/** The idempotency key of a publish by a user. Keys of different users never meet. */
export const userKey = (user: string, key: string | undefined): string | undefined =>
  key === undefined ? undefined : `user/${user}/${key}`;

/** Makes a user a durable member of a group, and joins the connections that are there. @returns how many those are */
export async function addMember(
  { memberships, cluster }: Backplane,
  group: string,
  user: string,
): Promise<number> {
  await memberships.add(group, user);
  return cluster.command({ kind: "join", user, group });
}

/** Ends a membership, on all connections. @returns how many those are */
export async function removeMember(
  { memberships, cluster }: Backplane,
  group: string,
  user: string,
): Promise<number> {
  await memberships.remove(group, user);
  return cluster.command({ kind: "leave", user, group });
}
