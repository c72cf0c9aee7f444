import { type Core, forbidden, tooMany } from "../core.ts";
import type { GroupTable, Queries } from "../database/database.ts";
import type { Following } from "../following.ts";
import type { Rights } from "../rights.ts";
import { assertGroup, groupRow } from "./membership.ts";

export interface GroupPorts extends Core {
  readonly rights: Rights;
  readonly following: Following;
}

/** @throws TidingsError `conflict` beyond the limit of the server */
export function allowedSize({ settings: { limits } }: Core, given = limits.membersPerGroup): number {
  if (given <= limits.membersPerGroup) return given;
  throw tooMany(`maxMembers: expected at most ${limits.membersPerGroup}`);
}

/** @throws TidingsError `forbidden` for an announcement to everyone by others than server administrators */
export async function assertAnnounce(
  { rights }: GroupPorts,
  queries: Queries,
  user: string,
  given: GroupTable["announce"] | undefined,
): Promise<void> {
  if (given === "everyone" && !(await rights.isServerAdmin(user, queries)))
    throw forbidden("announce: everyone is for server administrators (tidings chat admin)");
}

/** Others do not learn that a closed group exists. */
export async function assertOpen(
  { database, rights }: GroupPorts,
  group: string,
  user: string,
): Promise<void> {
  const row = await database.queries
    .selectFrom("chat_group")
    .select("is_open")
    .where("group_id", "=", group)
    .executeTakeFirst();
  if (row?.is_open !== 1 && !(await rights.isServerAdmin(user))) await rights.assertMember(group, user);
}

/**
 * Checks that a user may manage a group: its owner, its administrators, and those of the server.
 * @param needed "owner" when its administrators may not
 * @throws TidingsError `not_found` for others than members, `forbidden` for other members
 */
export async function assertManager(
  { rights }: GroupPorts,
  queries: Queries,
  group: string,
  user: string,
  needed: "admin" | "owner" = "admin",
): Promise<void> {
  if (await rights.isServerAdmin(user, queries)) return assertGroup((await groupRow(queries, group)).kind);
  const { role, kind } = await rights.assertMember(group, user, queries);
  assertGroup(kind);
  if (role === "owner" || (role === "admin" && needed === "admin")) return;
  throw forbidden(
    needed === "owner" ? "only the owner may do this" : "only the owner and administrators may do this",
  );
}
