import { type Change, type Core, conflict, forbidden, noteChanges, notFound, tooMany } from "../core.ts";
import type { GroupKind, Queries, Role } from "../database/database.ts";

/** Position of a member in a group's history. */
export interface ReadMark {
  readonly epoch: string;
  readonly offset: number;
}

/** Adds a member within a transaction. The count of the group is changed first: its row orders all changes of the group. */
export async function addMember(
  queries: Queries,
  { settings: { limits } }: Core,
  { group, user, role }: Change & { readonly role: Role },
  { epoch, offset }: ReadMark,
): Promise<void> {
  const { numUpdatedRows } = await queries
    .updateTable("chat_group")
    .set(({ eb }) => ({ member_count: eb("member_count", "+", 1) }))
    .where("group_id", "=", group)
    .whereRef("member_count", "<", "max_members")
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    const known = await queries
      .selectFrom("chat_group")
      .select("kind")
      .where("group_id", "=", group)
      .executeTakeFirst();
    throw known === undefined ? notFound(`there is no group ${group}`) : tooMany(`${group} is full`);
  }
  const { count } = await queries
    .selectFrom("chat_member")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("user_id", "=", user)
    .executeTakeFirstOrThrow();
  if (Number(count) >= limits.groupsPerUser)
    throw tooMany(`${user} is in ${limits.groupsPerUser} groups already`);
  const row = {
    group_id: group,
    user_id: user,
    role,
    joined_at: Date.now(),
    read_epoch: epoch,
    read_offset: offset,
  };
  const inserted = await queries
    .insertInto("chat_member")
    .values(row)
    .onConflict((known) => known.doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 0n) throw conflict(`${user} is in ${group} already`);
  await queries
    .deleteFrom("chat_invitation")
    .where("group_id", "=", group)
    .where("user_id", "=", user)
    .execute();
  await noteChanges(queries, [{ group, user }]);
}

/**
 * Removes a member within a transaction. After an owner the oldest administrator owns the group, or else its oldest member; a group
 * without members ends.
 * @returns false when the user was no member
 */
export async function removeMember(queries: Queries, { group, user }: Change): Promise<boolean> {
  await queries
    .updateTable("chat_group")
    .set(({ eb }) => ({ member_count: eb("member_count", "-", 1) }))
    .where("group_id", "=", group)
    .execute();
  const removed = await queries
    .deleteFrom("chat_member")
    .where("group_id", "=", group)
    .where("user_id", "=", user)
    .returning("role")
    .executeTakeFirst();
  if (removed === undefined) {
    await queries
      .updateTable("chat_group")
      .set(({ eb }) => ({ member_count: eb("member_count", "+", 1) }))
      .where("group_id", "=", group)
      .execute();
    return false;
  }
  await noteChanges(queries, [{ group, user }]);
  if (removed.role === "owner") await passOn(queries, group);
  return true;
}

async function passOn(queries: Queries, group: string): Promise<void> {
  const heir = await queries
    .selectFrom("chat_member")
    .select("user_id")
    .where("group_id", "=", group)
    // "admin" comes before "member".
    .orderBy("role")
    .orderBy("joined_at")
    .orderBy("user_id")
    .limit(1)
    .executeTakeFirst();
  if (heir === undefined) return deleteRows(queries, group);
  await setRole(queries, { group, user: heir.user_id }, "owner");
}

export async function setRole(queries: Queries, { group, user }: Change, role: Role): Promise<void> {
  await queries
    .updateTable("chat_member")
    .set({ role })
    .where("group_id", "=", group)
    .where("user_id", "=", user)
    .execute();
}

/** Deletes a group within a transaction. @returns the memberships that end */
export async function deleteGroup(queries: Queries, group: string): Promise<Change[]> {
  // The row of the group is taken first, as in addMember: nobody joins meanwhile.
  await queries.updateTable("chat_group").set({ max_members: 0 }).where("group_id", "=", group).execute();
  const rows = await queries
    .selectFrom("chat_member")
    .select("user_id")
    .where("group_id", "=", group)
    .execute();
  const changes = rows.map(({ user_id: user }) => ({ group, user }));
  await noteChanges(queries, changes);
  await queries.deleteFrom("chat_member").where("group_id", "=", group).execute();
  await deleteRows(queries, group);
  return changes;
}

async function deleteRows(queries: Queries, group: string): Promise<void> {
  await queries.deleteFrom("chat_invitation").where("group_id", "=", group).execute();
  await queries.deleteFrom("chat_group").where("group_id", "=", group).execute();
}

/** A group as its row. */
export async function groupRow(queries: Queries, group: string) {
  const row = await queries
    .selectFrom("chat_group")
    .selectAll()
    .where("group_id", "=", group)
    .executeTakeFirst();
  if (row === undefined) throw notFound(`there is no group ${group}`);
  return row;
}

/** @throws TidingsError `forbidden` for the conversation of two users, which nobody joins, leaves or manages */
export function assertGroup(kind: GroupKind): void {
  if (kind === "direct") throw forbidden("this is the conversation of two users");
}
