import { randomBytes } from "node:crypto";
import type { Selectable } from "kysely";
import { z } from "zod";
import { PREFIX, tooMany } from "../core.ts";
import { folded, type GroupTable } from "../database/database.ts";
import { time } from "../operation.ts";
import { allowedSize, assertAnnounce, type GroupPorts } from "./managing.ts";
import { addMember } from "./membership.ts";

export type { GroupPorts } from "./managing.ts";

export const announce = z
  .enum(["nobody", "group", "everyone"])
  .meta({ description: "Who hears of joins. `everyone` is for server administrators." });

export const groupInfo = z.object({
  group: z.string(),
  kind: z.enum(["group", "direct"]),
  name: z.string(),
  open: z.boolean().meta({ description: "Anyone may join." }),
  announce,
  members: z.int(),
  maxMembers: z.int(),
  createdAt: time,
});

export const infoOf = (row: Selectable<GroupTable>): z.input<typeof groupInfo> => ({
  group: row.group_id,
  kind: row.kind,
  name: row.name,
  open: row.is_open === 1,
  announce: row.announce,
  members: row.member_count,
  maxMembers: row.max_members,
  createdAt: row.created_at,
});

/** Id of a new group. */
export const newGroupId = (): string => PREFIX + randomBytes(12).toString("base64url");

/** Settings of a group that its owner decides about. */
interface Wanted {
  readonly name: string;
  readonly open?: boolean | undefined;
  readonly announce?: GroupTable["announce"] | undefined;
  readonly maxMembers?: number | undefined;
}

/** Makes a group with its owner as the only member. @throws TidingsError `conflict` for a user who owns too many */
export async function makeGroup(
  ports: GroupPorts,
  user: string,
  wanted: Wanted,
): Promise<z.input<typeof groupInfo>> {
  const { limits } = ports.settings;
  const group_id = newGroupId();
  const row = {
    ...{ group_id, kind: "group" as const, pair: null, name: wanted.name, folded_name: folded(wanted.name) },
    ...{
      is_open: wanted.open === true ? 1 : 0,
      announce: wanted.announce ?? ("nobody" as const),
      member_count: 0,
    },
    ...{ max_members: allowedSize(ports, wanted.maxMembers), created_at: Date.now() },
  };
  await ports.database.change(async (queries) => {
    await assertAnnounce(ports, queries, user, wanted.announce);
    await ports.database.lock(queries, `groups ${user}`);
    const { count } = await queries
      .selectFrom("chat_member")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("user_id", "=", user)
      .where("role", "=", "owner")
      .executeTakeFirstOrThrow();
    if (Number(count) >= limits.ownedGroups) throw tooMany(`you own ${limits.ownedGroups} groups already`);
    await queries.insertInto("chat_group").values(row).execute();
    await addMember(queries, ports, { group: group_id, user, role: "owner" }, { epoch: "", offset: 0 });
  });
  await ports.following.apply([{ group: group_id, user }]);
  return { ...infoOf(row), members: 1 };
}
