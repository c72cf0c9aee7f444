import { sql } from "kysely";
import { z } from "zod";
import type { Core } from "../core.ts";
import { folded } from "../database/database.ts";
import {
  cursor,
  group,
  limit,
  nextCursor,
  type Operation,
  operation,
  person,
  personOf,
  searched,
} from "../operation.ts";
import { otherIn } from "../rights.ts";
import { type MessagePorts, push } from "./operations.ts";

/** Messages that a search in a conversation looks at: pages of the hub's history. */
const PAGE = 200;
const MOST_PAGES = 10;

/** Operations that give an overview: one's own conversations, and what there is to find. */
export const overviewOperations = (ports: MessagePorts): Operation[] => [
  listConversations(ports),
  operation({
    name: "search",
    summary:
      "Find users and open groups by a part of their names; with a group its messages by a part of their text",
    takes: z.object({ text: searched, group: group.optional(), limit: z.int().min(1).max(100).default(20) }),
    gives: z.object({
      users: z.array(person),
      groups: z.array(z.object({ group: z.string(), name: z.string(), members: z.int() })),
      messages: z.array(push).meta({ description: "Newest first, out of the newest 2,000 messages." }),
    }),
    async handle(caller, { text, group, limit }) {
      if (group === undefined)
        return {
          users: await findUsers(ports, text, limit),
          groups: await findGroups(ports, text, limit),
          messages: [],
        };
      await ports.rights.assertMember(group, caller.user);
      await ports.rights.assertBase(caller, "history", group);
      return { users: [], groups: [], messages: await findMessages(ports, group, text, limit) };
    },
  }),
];

const listConversations = (ports: MessagePorts): Operation =>
  operation({
    name: "groups",
    summary: "One's own groups and conversations, page by page, with the number of unread messages",
    takes: z.object({ limit, cursor }),
    gives: z.object({
      groups: z.array(
        z.object({
          group: z.string(),
          kind: z.enum(["group", "direct"]),
          name: z.string(),
          with: z.string().optional().meta({ description: "The other user of a conversation." }),
          role: z.enum(["owner", "admin", "member"]),
          members: z.int(),
          unread: z.int(),
          last: push.optional().meta({ description: "The newest message." }),
        }),
      ),
      cursor: nextCursor,
    }),
    async handle({ user }, page) {
      await ports.marks.flush();
      const rows = await ports.database.queries
        .selectFrom("chat_member as member")
        .innerJoin("chat_group as known", "known.group_id", "member.group_id")
        .select(["known.group_id", "known.kind", "known.name", "known.pair", "known.member_count"])
        .select(["member.role", "member.read_epoch", "member.read_offset"])
        .where("member.user_id", "=", user)
        .where("member.group_id", ">", page.cursor ?? "")
        .orderBy("member.group_id")
        .limit(page.limit + 1)
        .execute();
      const shown = rows.slice(0, page.limit);
      const groups = shown.map(async (row) => {
        const { epoch, messages } = await ports.hub.group(row.group_id).history({ limit: 1 });
        const last = messages.at(-1);
        const read = row.read_epoch === epoch ? row.read_offset : 0;
        return {
          ...{
            group: row.group_id,
            kind: row.kind,
            name: row.name,
            with: otherIn(row.pair, user),
            role: row.role,
          },
          ...{ members: row.member_count, unread: Math.max(0, (last?.offset ?? 0) - read), last },
        };
      });
      return {
        groups: await Promise.all(groups),
        cursor: rows.length > shown.length ? shown.at(-1)?.group_id : undefined,
      };
    },
  });

/** Pattern of LIKE for a part of a folded text. */
const patternOf = (text: string): string => `%${folded(text).replace(/[\\%_]/g, "\\$&")}%`;

async function findUsers({ database }: Core, text: string, limit: number) {
  const pattern = patternOf(text);
  const rows = await database.queries
    .selectFrom("chat_account")
    .select(["user_id", "name", "picture"])
    .where(({ or }) => or([contains("folded", pattern), contains("folded_name", pattern)]))
    .orderBy("folded")
    .limit(limit)
    .execute();
  return rows.map(personOf);
}

async function findGroups({ database }: Core, text: string, limit: number) {
  const rows = await database.queries
    .selectFrom("chat_group")
    .select(["group_id", "name", "member_count"])
    .where("is_open", "=", 1)
    .where(contains("folded_name", patternOf(text)))
    .orderBy("folded_name")
    .limit(limit)
    .execute();
  return rows.map((row) => ({ group: row.group_id, name: row.name, members: row.member_count }));
}

/** PostgreSQL has this escape by default, SQLite has none. */
const contains = (column: string, pattern: string) =>
  sql<boolean>`${sql.ref(column)} LIKE ${pattern} ESCAPE '\\'`;

async function findMessages({ hub }: Core, group: string, text: string, limit: number) {
  const wanted = folded(text);
  const found: z.input<typeof push>[] = [];
  let before: number | undefined;
  for (let page = 0; page < MOST_PAGES && found.length < limit; page++) {
    const { messages, more } = await hub.group(group).history({ limit: PAGE, before });
    for (const message of messages.toReversed()) {
      if (found.length < limit && folded(textIn(message.data)).includes(wanted)) found.push(message);
    }
    before = messages[0]?.offset;
    if (!more || before === undefined) break;
  }
  return found;
}

const textIn = (data: unknown): string =>
  typeof data === "object" && data !== null && "text" in data && typeof data.text === "string"
    ? data.text
    : "";
