import { sql } from "kysely";
import { z } from "zod";
import { TidingsError } from "../../index.ts";
import { memoryStore, parseRate } from "../../limit/limit.ts";
import type { Core } from "../core.ts";
import { folded, type GroupKind, type Role } from "../database/database.ts";
import {
  type Caller,
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
import { countUnread } from "./conversations.ts";
import { type MessagePorts, push } from "./operations.ts";

/** Pages of the hub's history in one search of a conversation. */
const PAGE = 200;
const MOST_PAGES = 10;

/**
 * Bytes of the newest messages of conversations, from which on a page of conversations ends, as a page of a history does: each of them may be as
 * long as the longest message.
 */
const PAGE_BYTES = 262_144;

/** Conversations that are looked at together. */
const CHUNK = 4;

/** Operations that give an overview: one's own conversations, and what there is to find. */
export const overviewOperations = (ports: MessagePorts): Operation[] => [
  listConversations(ports),
  searchOperation(ports),
];

function searchOperation(ports: MessagePorts): Operation {
  const searches = memoryStore();
  const rate = parseRate(`${ports.settings.limits.searchesPerMinute}-M`);
  return operation({
    name: "search",
    summary:
      "Find users and open groups by a part of their names; with a group its messages by a part of their text",
    takes: z.object({
      text: searched,
      group: group.optional(),
      limit: z.int().min(1).max(100).default(20),
      cursor: offsetCursor.optional().meta({ description: "In a group: cursor of the page before." }),
    }),
    gives: z.object({
      users: z.array(person),
      groups: z.array(z.object({ group: z.string(), name: z.string(), members: z.int() })),
      messages: z.array(push).meta({ description: "Newest first." }),
      cursor: z.string().optional().meta({
        description:
          "In a group: for the next page, which has older messages; absent at the end of the history. A call looks at up to 2,000 messages, so a page may be empty and have one.",
      }),
    }),
    async handle(caller, { text, group, limit, cursor }) {
      if (group === undefined) {
        const { allowed, resetMs } = searches.take(caller.user, rate);
        if (!allowed)
          throw new TidingsError("rate_limited", "too many searches: try again later", {
            retryAfterMs: resetMs,
          });
        return {
          users: await findUsers(ports, text, limit),
          groups: await findGroups(ports, text, limit),
          messages: [],
        };
      }
      await ports.rights.assertMember(group, caller.user);
      await ports.rights.assertBase(caller, "history", group);
      const found = await findMessages(ports, { group, text, limit, cursor, reader: caller.user });
      return { users: [], groups: [], ...found };
    },
  });
}

const listConversations = (ports: MessagePorts): Operation =>
  operation({
    name: "groups",
    summary:
      "One's own groups and conversations, page by page, with the number of unread messages; shorter than the limit when messages are large",
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
          last: push
            .optional()
            .meta({ description: "The newest message. Absent where the caller may not read the history." }),
        }),
      ),
      cursor: nextCursor,
    }),
    async handle(caller, page) {
      const { user } = caller;
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
      const groups: Awaited<ReturnType<typeof entryOf>>[] = [];
      for (let bytes = 0; groups.length < shown.length && bytes < PAGE_BYTES; ) {
        const next = shown.slice(groups.length, groups.length + CHUNK);
        const some = await Promise.all(next.map((row) => entryOf(ports, caller, row)));
        groups.push(...some);
        bytes += JSON.stringify(some.map(({ last }) => last)).length;
      }
      return { groups, cursor: rows.length > groups.length ? groups.at(-1)?.group : undefined };
    },
  });

interface MemberRow {
  readonly group_id: string;
  readonly kind: GroupKind;
  readonly name: string;
  readonly pair: string | null;
  readonly member_count: number;
  readonly role: Role;
  readonly read_epoch: string;
  readonly read_offset: number;
}

/** A conversation in the list of its member, with its newest message. */
async function entryOf(ports: MessagePorts, caller: Caller, row: MemberRow) {
  const { user } = caller;
  const { group_id: group, kind, name, pair, role, member_count: members } = row;
  const [{ epoch, messages }, mayRead] = await Promise.all([
    ports.hub.group(group).history({ limit: 1, reader: user }),
    ports.rights.mayRead(caller, group),
  ]);
  const last = messages.at(-1);
  const read = row.read_epoch === epoch ? row.read_offset : 0;
  const unread = await countUnread(ports, { group, user }, read, last?.offset ?? 0);
  return {
    ...{ group, kind, name, with: otherIn(pair, user), role, members, unread },
    last: mayRead ? last : undefined,
  };
}

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

/** Offset below which a search goes on, as text. */
const offsetCursor = z.string().regex(/^[1-9]\d{0,14}$/, { error: "expected a cursor of a page before" });

interface Found {
  readonly messages: z.input<typeof push>[];
  readonly cursor?: string;
}

interface MessageSearch {
  readonly group: string;
  readonly text: string;
  readonly limit: number;
  readonly cursor?: string | undefined;
  /** The user who asks. */
  readonly reader: string;
}

/** Looks at messages from the newest one, or from a cursor, backwards. It stops when it has enough, and when it has looked at many. */
async function findMessages(
  { hub }: Core,
  { group, text, limit, cursor, reader }: MessageSearch,
): Promise<Found> {
  const wanted = folded(text);
  const found: Found["messages"] = [];
  let before = cursor === undefined ? undefined : Number(cursor);
  for (let page = 0; page < MOST_PAGES; page++) {
    const { messages, more } = await hub.group(group).history({ limit: PAGE, before, reader });
    for (const [place, message] of [...messages.entries()].reverse()) {
      if (folded(textIn(message.data)).includes(wanted)) found.push(message);
      if (found.length < limit) continue;
      return { messages: found, ...(place > 0 || more ? { cursor: String(message.offset) } : {}) };
    }
    before = messages[0]?.offset;
    if (!more || before === undefined) return { messages: found };
  }
  return { messages: found, cursor: String(before) };
}

const textIn = (data: unknown): string =>
  typeof data === "object" && data !== null && "text" in data && typeof data.text === "string"
    ? data.text
    : "";
