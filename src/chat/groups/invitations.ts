import { z } from "zod";
import type { Budget } from "../accounts/budget.ts";
import type { Directory } from "../accounts/directory.ts";
import { conflict, forbidden, tooMany } from "../core.ts";
import { group, type Operation, operation, time, user } from "../operation.ts";
import { assertManager, type GroupPorts } from "./managing.ts";
import { groupRow } from "./membership.ts";

export interface InvitationPorts extends GroupPorts {
  readonly budget: Budget;
  readonly directory: Directory;
}

/** Operations about invitations. */
export const invitationOperations = (ports: InvitationPorts): Operation[] => [
  operation({
    name: "invite",
    summary: "Invite a user to a group (owner, administrators); `join` accepts",
    takes: z.object({ group, user }),
    async handle(caller, given) {
      await invite(ports, given.group, caller.user, given.user);
      return undefined;
    },
  }),
  operation({
    name: "invitations",
    summary: "Groups that have invited one",
    takes: z.object({}),
    gives: z.object({
      invitations: z.array(z.object({ group: z.string(), name: z.string(), by: z.string(), at: time })),
    }),
    async handle(caller) {
      const rows = await ports.database.queries
        .selectFrom("chat_invitation as invitation")
        .innerJoin("chat_group as known", "known.group_id", "invitation.group_id")
        .select(["known.group_id", "known.name", "invitation.invited_by", "invitation.created_at"])
        .where("invitation.user_id", "=", caller.user)
        .orderBy("invitation.created_at", "desc")
        .limit(1_000)
        .execute();
      return {
        invitations: rows.map((row) => ({
          ...{ group: row.group_id, name: row.name, by: row.invited_by, at: row.created_at },
        })),
      };
    },
  }),
  operation({
    name: "decline",
    summary: "Decline an invitation",
    changes: "groups",
    takes: z.object({ group }),
    async handle(caller, given) {
      await ports.database.queries
        .deleteFrom("chat_invitation")
        .where("group_id", "=", given.group)
        .where("user_id", "=", caller.user)
        .execute();
      return undefined;
    },
  }),
];

async function invite(ports: InvitationPorts, group: string, by: string, user: string): Promise<void> {
  await ports.directory.assertKnown(user);
  const news = await ports.database.change(async (queries) => {
    await assertManager(ports, queries, group, by);
    // A user whom one may not write to cannot be reached by invitations either.
    if (await ports.rights.isBlocked(by, user, queries)) throw forbidden(`you may not invite ${user}`);
    if ((await ports.rights.find(group, user, queries)) !== undefined)
      throw conflict(`${user} is in ${group} already`);
    await ports.database.lock(queries, `invitations ${group}`);
    const { count } = await queries
      .selectFrom("chat_invitation")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("group_id", "=", group)
      .executeTakeFirstOrThrow();
    const { invitationsPerGroup: most } = ports.settings.limits;
    if (Number(count) >= most) throw tooMany(`${group} has ${most} open invitations already`);
    const { numInsertedOrUpdatedRows } = await queries
      .insertInto("chat_invitation")
      .values({ group_id: group, user_id: user, invited_by: by, created_at: Date.now() })
      .onConflict((known) => known.doNothing())
      .executeTakeFirst();
    // Whom it has invited already is not told again: the notice is stored for that user.
    if (numInsertedOrUpdatedRows === 0n) return undefined;
    const { name } = await groupRow(queries, group);
    const data = { group, name, by };
    ports.budget.spend(by, data);
    return data;
  });
  if (news !== undefined) await ports.hub.user(user).send({ type: "chat.invited", data: news, from: by });
}
