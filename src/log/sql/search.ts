import type { Channel } from "../../protocol/protocol.ts";
import type { FoundMessage, FoundPage, MessageQuery } from "../sink.ts";
import { Conditions, conditionsOf, type Dialect } from "./conditions.ts";
import { type Place, writeCursor } from "./cursor.ts";
import { MESSAGES, namesOf, OUTCOMES, type Value } from "./tables.ts";

/** A row of an answer by the names of its columns. PostgreSQL gives `bigint` as text. */
export type AnswerRow = Readonly<Record<string, Value>>;

/** Runs a query. */
export type Run = (sql: string, values: readonly Value[]) => Promise<readonly AnswerRow[]>;

/** Data of a page at most, but for one message: an answer is held in memory as a whole. */
const PAGE_BYTES = 1_048_576;

/** Longest search. */
export const SEARCH_MS = 10_000;

/** Words for a search that took longer. */
export const TOO_LONG = `the search took longer than ${SEARCH_MS / 1_000} s: give a shorter time range, a user or a group`;

/** Outcomes of one message at most, in a page. */
const MOST_OUTCOMES = 1_000;

/**
 * Searches the messages in a database, newest first. Places and sizes come first, and then the data of as many messages as fit in a
 * page.
 */
export async function searchMessages(run: Run, dialect: Dialect, query: MessageQuery): Promise<FoundPage> {
  const conditions = conditionsOf(query, dialect);
  const limit = conditions.value(query.limit + 1);
  const places = await run(
    `SELECT id, sent_at, message_offset, octet_length(data) AS bytes FROM ${MESSAGES.name} ${conditions.where} ` +
      `ORDER BY sent_at DESC, message_offset DESC, id DESC LIMIT ${limit}`,
    conditions.values,
  );
  const page = places.slice(0, fitting(places, query.limit)).map(placeOf);
  const last = page.at(-1);
  if (last === undefined) return { messages: [] };
  const ids = page.map(({ id }) => id);
  const [messages, outcomes] = [await rowsOf(run, dialect, ids), await outcomesOf(run, dialect, ids)];
  const found = ids.flatMap((id) => {
    const row = messages.get(id); // it may have expired meanwhile
    return row === undefined ? [] : [messageOf(row, outcomes.get(id) ?? [])];
  });
  return places.length > page.length ? { messages: found, cursor: writeCursor(last) } : { messages: found };
}

/** The number of messages that fit in a page: one at least. */
function fitting(places: readonly AnswerRow[], limit: number): number {
  let bytes = 0;
  const tooMany = places.findIndex((row, index) => {
    bytes += Number(row.bytes);
    return index >= limit || (bytes > PAGE_BYTES && index > 0);
  });
  return tooMany === -1 ? places.length : tooMany;
}

const placeOf = ({ id, sent_at, message_offset }: AnswerRow): Place => ({
  id: String(id),
  sentAt: Number(sent_at),
  offset: Number(message_offset),
});

async function rowsOf(run: Run, dialect: Dialect, ids: readonly string[]): Promise<Map<string, AnswerRow>> {
  const names = namesOf(MESSAGES).filter((name) => name !== "search");
  const conditions = among("id", ids, dialect);
  const sql = `SELECT ${names.join(", ")} FROM ${MESSAGES.name} ${conditions.where}`;
  const rows = await run(sql, conditions.values);
  return new Map(rows.map((row) => [String(row.id), row]));
}

async function outcomesOf(
  run: Run,
  dialect: Dialect,
  ids: readonly string[],
): Promise<Map<string, AnswerRow[]>> {
  const conditions = among("message", ids, dialect);
  const sql =
    `SELECT ${namesOf(OUTCOMES).join(", ")} FROM ${OUTCOMES.name} ${conditions.where} ` +
    `ORDER BY happened_at, id LIMIT ${MOST_OUTCOMES}`;
  return Map.groupBy(await run(sql, conditions.values), ({ message }) => String(message));
}

function among(column: string, values: readonly string[], dialect: Dialect): Conditions {
  const conditions = new Conditions(dialect);
  conditions.add(`${column} IN (${values.map(() => "?").join(", ")})`, ...values);
  return conditions;
}

const optional = (value: Value | undefined): string | undefined =>
  value === null || value === undefined ? undefined : String(value);

function messageOf(row: AnswerRow, outcomes: readonly AnswerRow[]): FoundMessage {
  const platforms = optional(row.platforms);
  return {
    id: String(row.id),
    timestamp: Number(row.sent_at),
    channel: String(row.channel) as Channel,
    from: optional(row.sender),
    type: String(row.type),
    data: String(row.data),
    platforms: platforms === undefined ? undefined : (JSON.parse(platforms) as string[]), // written by `messageRow`
    epoch: String(row.epoch),
    offset: Number(row.message_offset),
    state: String(row.state) as FoundMessage["state"],
    connections: Number(row.connections),
    nodes: Number(row.nodes),
    node: String(row.node),
    outcomes: outcomes.map(outcomeOf),
  };
}

/** Only failures, drops and changes name a message. */
function outcomeOf(row: AnswerRow): FoundMessage["outcomes"][number] {
  const common = {
    id: String(row.id),
    timestamp: Number(row.happened_at),
    node: String(row.node),
    message: String(row.message),
    channel: String(row.channel) as Channel,
  };
  if (row.kind === "dropped") return { kind: "dropped", ...common, count: Number(row.count) };
  const from = optional(row.user_id);
  if (row.kind === "edited" || row.kind === "deleted")
    return { kind: row.kind, ...common, from, offset: Number(row.message_offset) };
  const [type, code, reason] = [String(row.type), String(row.code), String(row.reason)];
  return { kind: "failed", ...common, from, type, code, reason };
}
