import { randomBytes } from "node:crypto";
import type { Selectable, Updateable } from "kysely";
import { z } from "zod";
import { PREFIX, tooMany } from "../core.ts";
import { folded, type GroupTable } from "../database/database.ts";
import {
  group,
  limit,
  name,
  nextCursor,
  type Operation,
  operation,
  person,
  personOf,
  time,
} from "../operation.ts";
import { allowedSize, assertAnnounce, assertManager, assertOpen, type GroupPorts } from "./managing.ts";
import { addMember, deleteGroup, groupRow } from "./membership.ts";

const announce = z
  .enum(["nobody", "group", "everyone"])
  .meta({ description: "Who hears of joins. `everyone` is for server administrators." });
const role = z.enum(["owner", "admin", "member"]);

const groupInfo = z.object({
  group: z.string(),
  kind: z.enum(["group", "direct"]),
  name: z.string(),
  open: z.boolean().meta({ description: "Anyone may join." }),
  announce,
  members: z.int(),
  maxMembers: z.int(),
  createdAt: time,
});

const infoOf = (row: Selectable<GroupTable>): z.input<typeof groupInfo> => ({
  group: row.group_id,
  kind: row.kind,
  name: row.name,
  open: row.is_open === 1,
  announce: row.announce,
  members: row.member_count,
  maxMembers: row.max_members,
  createdAt: row.created_at,
});

const fields = {
  open: z.boolean().optional().meta({ description: "Anyone may join. Default: false." }),
  announce: announce.optional(),
  maxMembers: z.int().min(1).optional(),
};

/** Id of a new group. */
export const newGroupId = (): string => PREFIX + randomBytes(12).toString("base64url");

/** Operations that make, show, change and end groups. */
export const groupOperations = (ports: GroupPorts): Operation[] => [
  createGroup(ports),
  operation({
    name: "group",
    summary: "A group of one's own, or an open one",
    takes: z.object({ group }),
    gives: groupInfo.extend({
      role: role.optional().meta({ description: "One's own; absent without a membership." }),
    }),
    async handle({ user }, given) {
      const { queries } = ports.database;
      const membership = await ports.rights.find(given.group, user);
      if (membership === undefined) await assertOpen(ports, given.group, user);
      return { ...infoOf(await groupRow(queries, given.group)), role: membership?.role };
    },
  }),
  listMembers(ports),
  editGroup(ports),
  operation({
    name: "deleteGroup",
    summary: "End a group (owner, or server administrator)",
    takes: z.object({ group }),
    async handle({ user }, given) {
      const changes = await ports.database.change(async (queries) => {
        await assertManager(ports, queries, given.group, user, "owner");
        return deleteGroup(queries, given.group);
      });
      await ports.following.apply(changes);
      return undefined;
    },
  }),
];

const createGroup = (ports: GroupPorts): Operation =>
  operation({
    name: "create",
    summary: "Make a group, which one owns",
    takes: z.object({ name, ...fields }),
    gives: groupInfo,
    async handle({ user }, given) {
      const { limits } = ports.settings;
      const group_id = newGroupId();
      const row = {
        ...{
          group_id,
          kind: "group" as const,
          pair: null,
          name: given.name,
          folded_name: folded(given.name),
        },
        ...{
          is_open: given.open === true ? 1 : 0,
          announce: given.announce ?? ("nobody" as const),
          member_count: 0,
        },
        ...{ max_members: allowedSize(ports, given.maxMembers), created_at: Date.now() },
      };
      await ports.database.change(async (queries) => {
        await assertAnnounce(ports, queries, user, given.announce);
        const { count } = await queries
          .selectFrom("chat_member")
          .select(({ fn }) => fn.countAll<number>().as("count"))
          .where("user_id", "=", user)
          .where("role", "=", "owner")
          .executeTakeFirstOrThrow();
        if (Number(count) >= limits.ownedGroups)
          throw tooMany(`you own ${limits.ownedGroups} groups already`);
        await queries.insertInto("chat_group").values(row).execute();
        await addMember(queries, ports, { group: group_id, user, role: "owner" }, { epoch: "", offset: 0 });
      });
      await ports.following.apply([{ group: group_id, user }]);
      return { ...infoOf(row), members: 1 };
    },
  });

const editGroup = (ports: GroupPorts): Operation =>
  operation({
    name: "edit",
    summary: "Change a group (owner, administrators)",
    takes: z.object({ group, name: name.optional(), ...fields }),
    gives: groupInfo,
    handle: ({ user }, given) =>
      ports.database.change(async (queries) => {
        await assertManager(ports, queries, given.group, user);
        await assertAnnounce(ports, queries, user, given.announce);
        const changes: Updateable<GroupTable> = {};
        if (given.name !== undefined)
          Object.assign(changes, { name: given.name, folded_name: folded(given.name) });
        if (given.open !== undefined) changes.is_open = given.open ? 1 : 0;
        if (given.announce !== undefined) changes.announce = given.announce;
        if (given.maxMembers !== undefined) changes.max_members = allowedSize(ports, given.maxMembers);
        if (Object.keys(changes).length > 0)
          await queries.updateTable("chat_group").set(changes).where("group_id", "=", given.group).execute();
        return infoOf(await groupRow(queries, given.group));
      }),
  });

const listMembers = ({ database, rights }: GroupPorts): Operation =>
  operation({
    name: "members",
    summary: "Members of a group of one's own, page by page, by their ids",
    takes: z.object({ group, limit, cursor: z.string().max(1_000).optional() }),
    gives: z.object({
      members: z.array(person.extend({ role, joinedAt: time })),
      cursor: nextCursor,
    }),
    async handle({ user }, given) {
      await rights.assertMember(given.group, user);
      const rows = await database.queries
        .selectFrom("chat_member as member")
        .innerJoin("chat_account as account", "account.user_id", "member.user_id")
        .select(["account.user_id", "account.name", "account.picture", "member.role", "member.joined_at"])
        .where("member.group_id", "=", given.group)
        .where("member.user_id", ">", given.cursor ?? "")
        .orderBy("member.user_id")
        .limit(given.limit + 1)
        .execute();
      const page = rows.slice(0, given.limit);
      return {
        members: page.map((row) => ({ ...personOf(row), role: row.role, joinedAt: row.joined_at })),
        cursor: rows.length > page.length ? page.at(-1)?.user_id : undefined,
      };
    },
  });
