import { z } from "zod";
import { TidingsError } from "../../index.ts";
import type { Directory } from "../accounts/directory.ts";
import { type Change, type Core, forbidden } from "../core.ts";
import { isDuplicate } from "../database/database.ts";
import type { Following } from "../following.ts";
import { newGroupId } from "../groups/making.ts";
import { addMember, type ReadMark } from "../groups/membership.ts";
import { group, type Operation, operation, user } from "../operation.ts";
import { cannotWrite, pairOf, type Rights } from "../rights.ts";

export interface ConversationPorts extends Core {
  readonly directory: Directory;
  readonly rights: Rights;
  readonly following: Following;
}

/** Fields that name a conversation: a group, or the other user. */
export const where = {
  group: group.optional(),
  to: user.optional().meta({ description: "The other user, in place of a group." }),
};

/** Makes the operation that begins a conversation with one other user. */
export const openOperation = (ports: ConversationPorts): Operation =>
  operation({
    name: "open",
    summary: "The conversation with one other user: a group that both are in",
    changes: "groups",
    takes: z.object({ to: user }),
    gives: z.object({ group: z.string() }),
    handle: async (caller, { to }) => ({ group: await directGroup(ports, caller.user, to) }),
  });

/**
 * Finds the group of a conversation, and begins it where it is needed.
 * @throws TidingsError `bad_request` without exactly one of `group` and `to`
 */
export async function groupOf(
  ports: ConversationPorts,
  from: string,
  { group, to }: { readonly group?: string | undefined; readonly to?: string | undefined },
): Promise<string> {
  if (group !== undefined && to === undefined) return group;
  if (to !== undefined && group === undefined) return directGroup(ports, from, to);
  throw new TidingsError("bad_request", "expected either a group, or another user in to");
}

async function directGroup(ports: ConversationPorts, from: string, to: string): Promise<string> {
  if (from === to) throw forbidden("this is the user who asks");
  const known = await findDirect(ports, from, to);
  if (known !== undefined) return known;
  await ports.directory.assertKnown(to);
  if (!(await ports.rights.mayWrite(from, to))) throw cannotWrite(to);
  try {
    return await beginDirect(ports, from, to);
  } catch (error) {
    // The other user has begun it at the same moment.
    const theirs = isDuplicate(error) ? await findDirect(ports, from, to) : undefined;
    if (theirs === undefined) throw error;
    return theirs;
  }
}

async function findDirect({ database }: Core, from: string, to: string): Promise<string | undefined> {
  const row = await database.queries
    .selectFrom("chat_group")
    .select("group_id")
    .where("pair", "=", pairOf(from, to))
    .executeTakeFirst();
  return row?.group_id;
}

async function beginDirect(ports: ConversationPorts, from: string, to: string): Promise<string> {
  const group = newGroupId();
  const row = {
    ...{
      group_id: group,
      kind: "direct" as const,
      pair: pairOf(from, to),
      name: "",
      folded_name: "",
      is_open: 0,
    },
    ...{ announce: "nobody" as const, max_members: 2, member_count: 0, created_at: Date.now() },
  };
  // Not through Database.change, whose errors would no longer tell a duplicate.
  await ports.database.queries.transaction().execute(async (queries) => {
    await queries.insertInto("chat_group").values(row).execute();
    for (const user of [from, to].sort())
      await addMember(queries, ports, { group, user, role: "member" }, { epoch: "", offset: 0 });
  });
  await ports.following.apply([from, to].map((user) => ({ group, user })));
  return group;
}

/** Position of the newest message of a group. @param reader the user who asks */
export async function headOf({ hub }: Core, group: string, reader: string): Promise<ReadMark> {
  const { epoch, messages } = await hub.group(group).history({ limit: 1, reader });
  return { epoch, offset: messages.at(-1)?.offset ?? 0 };
}

/** Unread messages up to which they are counted one by one. Beyond, offsets are counted, also those of deletions, of notices and of one's own. */
const MOST_COUNTED = 20;

/** Counts the messages by others in a group between two offsets that a member has not read. */
export async function countUnread(
  { hub }: Core,
  { group, user }: Change,
  read: number,
  last: number,
): Promise<number> {
  if (last - read > MOST_COUNTED) return last - read;
  let count = 0;
  let before = last + 1;
  while (before > read + 1) {
    const { messages } = await hub.group(group).history({ before, limit: MOST_COUNTED, reader: user });
    for (const { offset = 0, from, deletedAt } of messages)
      if (offset > read && from !== user && deletedAt === undefined) count++;
    before = messages[0]?.offset ?? 0;
  }
  return count;
}
