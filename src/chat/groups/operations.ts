import type { Updateable } from "kysely";
import { z } from "zod";
import { tellChanged, tellMembers } from "../changed.ts";
import { folded, type GroupTable } from "../database/database.ts";
import {
  cursor,
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
import { type GatherPorts, gatherOperation } from "./gather.ts";
import { announce, groupInfo, infoOf, makeGroup } from "./making.ts";
import { allowedSize, assertAnnounce, assertManager, assertOpen, type GroupPorts } from "./managing.ts";
import { deleteGroup, groupRow } from "./membership.ts";

const role = z.enum(["owner", "admin", "member"]);

const fields = {
  open: z.boolean().optional().meta({ description: "Anyone may join. Default: false." }),
  announce: announce.optional(),
  maxMembers: z.int().min(1).optional(),
};

/** Operations that make, show, change and end groups. */
export const groupOperations = (ports: GatherPorts): Operation[] => [
  createGroup(ports),
  gatherOperation(ports),
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
      tellChanged(
        ports,
        changes.map((change) => change.user),
        "groups",
      );
      return undefined;
    },
  }),
];

const createGroup = (ports: GroupPorts): Operation =>
  operation({
    name: "create",
    summary: "Make a group, which one owns",
    changes: "groups",
    takes: z.object({ name, ...fields }),
    gives: groupInfo,
    handle: ({ user }, given) => makeGroup(ports, user, given),
  });

const editGroup = (ports: GroupPorts): Operation =>
  operation({
    name: "edit",
    summary: "Change a group (owner, administrators)",
    takes: z.object({ group, name: name.optional(), ...fields }),
    gives: groupInfo,
    changes: "groups",
    async handle({ user }, given) {
      const info = await ports.database.change(async (queries) => {
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
      });
      await tellMembers(ports, given.group);
      return info;
    },
  });

const listMembers = ({ database, rights }: GroupPorts): Operation =>
  operation({
    name: "members",
    summary: "Members of a group of one's own, page by page, by their ids",
    takes: z.object({ group, limit, cursor }),
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
