import { z } from "zod";
import type { Announcements } from "../announcements.ts";
import { tellChanged, tellMembers } from "../changed.ts";
import { conflict, forbidden, notFound } from "../core.ts";
import { group, type Operation, operation, user } from "../operation.ts";
import { type InvitationPorts, invitationOperations } from "./invitations.ts";
import { assertManager } from "./managing.ts";
import { addMember, assertGroup, type ReadMark, removeMember, setRole } from "./membership.ts";

interface JoiningPorts extends InvitationPorts {
  readonly announcements: Announcements;
  /** Position of the newest message of a group: who joins has nothing unread. */
  readonly headOf: (group: string, user: string) => Promise<ReadMark>;
}

const which = z.object({ group });
const whom = z.object({ group, user });

/** Operations that begin and end memberships. */
export const joiningOperations = (ports: JoiningPorts): Operation[] => [
  operation({
    name: "join",
    summary: "Join an open group, or one that has invited",
    changes: "groups",
    takes: which,
    async handle(caller, given) {
      await join(ports, given.group, caller.user);
      return undefined;
    },
  }),
  operation({
    name: "leave",
    summary:
      "Leave a group. After its owner its oldest administrator owns it, or its oldest member; an empty group ends",
    takes: which,
    async handle(caller, given) {
      const change = { group: given.group, user: caller.user };
      await ports.database.change(async (queries) => {
        assertGroup((await ports.rights.assertMember(change.group, change.user, queries)).kind);
        await removeMember(queries, change);
      });
      await ports.following.apply([change]);
      // The own connection as well: its application may count the group's messages, and hears nothing more of it.
      tellChanged(ports, [caller.user], "groups");
      await tellMembers(ports, change.group);
      return undefined;
    },
  }),
  operation({
    name: "remove",
    summary: "Remove a member (owner, administrators): nothing more of the group reaches that user",
    takes: whom,
    async handle(caller, given) {
      await remove(ports, given.group, caller.user, given.user);
      return undefined;
    },
  }),
  operation({
    name: "role",
    summary: "Make a member an administrator or a plain member, or hand the group over (owner)",
    takes: z.object({ group, user, role: z.enum(["owner", "admin", "member"]) }),
    changes: "groups",
    async handle(caller, given) {
      await changeRole(ports, caller.user, given);
      await tellMembers(ports, given.group);
      return undefined;
    },
  }),
  ...invitationOperations(ports),
];

async function join(ports: JoiningPorts, group: string, user: string): Promise<void> {
  const head = await ports.headOf(group, user);
  const { name, announce } = await ports.database.change(async (queries) => {
    const row = await queries
      .selectFrom("chat_group")
      .selectAll()
      .where("group_id", "=", group)
      .executeTakeFirst();
    const invited = await queries
      .selectFrom("chat_invitation")
      .select("user_id")
      .where("group_id", "=", group)
      .where("user_id", "=", user)
      .executeTakeFirst();
    // A closed group is not told apart from one that does not exist.
    if (row === undefined || (row.is_open !== 1 && invited === undefined))
      throw notFound(`no group ${group} is open to you`);
    assertGroup(row.kind);
    await addMember(queries, ports, { group, user, role: "member" }, head);
    return row;
  });
  await ports.following.apply([{ group, user }]);
  ports.announcements.add(group, name, user, announce);
}

/** An administrator removes members; the owner removes administrators too. */
async function remove(ports: JoiningPorts, group: string, by: string, user: string): Promise<void> {
  const change = { group, user };
  await ports.database.change(async (queries) => {
    await assertManager(ports, queries, group, by);
    const target = await ports.rights.find(group, user, queries);
    if (target === undefined) throw notFound(`${user} is not in ${group}`);
    if (target.role === "owner")
      throw forbidden("the owner cannot be removed: delete the group, or hand it over");
    if (target.role === "admin") await assertManager(ports, queries, group, by, "owner");
    await removeMember(queries, change);
  });
  await ports.following.apply([change]);
  await ports.hub.user(user).send({ type: "chat.removed", data: { group, by } });
  await tellMembers(ports, group);
}

async function changeRole(
  ports: JoiningPorts,
  by: string,
  { group, user, role }: { group: string; user: string; role: "owner" | "admin" | "member" },
): Promise<void> {
  await ports.database.change(async (queries) => {
    await assertManager(ports, queries, group, by, "owner");
    const target = await ports.rights.find(group, user, queries);
    if (target === undefined) throw notFound(`${user} is not in ${group}`);
    if (target.role === role) return;
    if (target.role === "owner") throw conflict("a group has an owner: make another member the owner");
    if (role === "owner") {
      // The former owner becomes an administrator.
      await queries
        .updateTable("chat_member")
        .set({ role: "admin" })
        .where("group_id", "=", group)
        .where("role", "=", "owner")
        .execute();
    }
    await setRole(queries, { group, user }, role);
  });
}
