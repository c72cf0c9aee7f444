import type { Transaction } from "kysely";
import {
  type Change,
  type Core,
  conflict,
  forbidden,
  noteChanges,
  notFound,
  ROWS,
  tooMany,
} from "../core.ts";
import type { GroupKind, Queries, Role, Tables } from "../database/database.ts";

/** Position of a member in a group's history. */
export interface ReadMark {
  readonly epoch: string;
  readonly offset: number;
}

/** Adds a member within a transaction. The count of the group is changed first: its row orders all changes of the group. */
export async function addMember(
  queries: Transaction<Tables>,
  { database, settings: { limits } }: Core,
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
  await database.lock(queries, `groups ${user}`);
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
 * Adds many users to a group within a transaction, as many as it has room for. Members, and those who are in too many groups already,
 * are left out.
 * @returns those who were added
 */
export async function addMembers(
  queries: Queries,
  { settings: { limits } }: Core,
  group: string,
  users: readonly string[],
): Promise<string[]> {
  // A change of the row without effect: it orders all changes of the group, as addMember does.
  await queries
    .updateTable("chat_group")
    .set(({ ref }) => ({ member_count: ref("member_count") }))
    .where("group_id", "=", group)
    .execute();
  const { member_count, max_members } = await groupRow(queries, group);
  const added: string[] = [];
  for (let from = 0; from < users.length; from += ROWS) {
    const some = users.slice(from, from + ROWS);
    const busy = await queries
      .selectFrom("chat_member")
      .select("user_id")
      .where("user_id", "in", some)
      .groupBy("user_id")
      .having(({ fn }) => fn.countAll(), ">=", limits.groupsPerUser)
      .execute();
    const leftOut = new Set(busy.map((row) => row.user_id));
    const room = max_members - member_count - added.length;
    const fitting = some.filter((user) => !leftOut.has(user)).slice(0, room);
    if (fitting.length === 0) continue;
    const inserted = await queries
      .insertInto("chat_member")
      .values(fitting.map(newMember(group)))
      .onConflict((known) => known.doNothing())
      .returning("user_id")
      .execute();
    added.push(...inserted.map((row) => row.user_id));
  }
  await queries
    .updateTable("chat_group")
    .set(({ eb }) => ({ member_count: eb("member_count", "+", added.length) }))
    .where("group_id", "=", group)
    .execute();
  await noteChanges(
    queries,
    added.map((user) => ({ group, user })),
  );
  return added;
}

const newMember = (group: string) => (user: string) => ({
  ...{ group_id: group, user_id: user, role: "member" as const, joined_at: Date.now() },
  ...{ read_epoch: "", read_offset: 0 },
});

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
