import type { LogRecord, OutcomeRecord, StoredRecord } from "../record.ts";
import { searchableText, storableText } from "./searchable.ts";

/** Value of a column, as both databases take it. */
export type Value = string | number | null;

export type Row = readonly Value[];

/** Types that both databases know: SQLite reads `bigint` as a whole number. */
type ColumnType = "text" | "bigint";

/** A table with its columns. */
export interface Table {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
}

/** Version of the tables. A release that changes them adds the way from the version before. */
export const VERSION = 1;
export const VERSION_TABLE = "tidings_log_version";

export const MESSAGES: Table = {
  name: "tidings_log_messages",
  columns: {
    id: "text",
    sent_at: "bigint",
    channel: "text",
    sender: "text",
    type: "text",
    data: "text",
    search: "text",
    platforms: "text",
    epoch: "text",
    message_offset: "bigint",
    state: "text",
    connections: "bigint",
    nodes: "bigint",
    node: "text",
  },
};

export const OUTCOMES: Table = {
  name: "tidings_log_outcomes",
  columns: {
    id: "text",
    happened_at: "bigint",
    kind: "text",
    message: "text",
    channel: "text",
    user_id: "text",
    device: "text",
    type: "text",
    message_offset: "bigint",
    count: "bigint",
    code: "text",
    reason: "text",
    gap_since: "bigint",
    gap_until: "bigint",
    node: "text",
  },
};

/** Column with the text that a search looks into, where it differs from the data. */
export const SEARCHED = "coalesce(search, data)";

export const namesOf = ({ columns }: Table): string[] => Object.keys(columns);

/** Statements that make the tables where they are missing. @param binary collation that compares bytes */
export function schema(binary: string): string[] {
  const create = (table: Table): string => {
    const columns = Object.entries(table.columns).map(([name, type]) =>
      name === "id" ? `id text COLLATE ${binary} PRIMARY KEY` : `${name} ${type}`,
    );
    return `CREATE TABLE IF NOT EXISTS ${table.name} (${columns.join(", ")})`;
  };
  const index = ({ name }: Table, ...columns: string[]): string => {
    const names = columns.join(", ");
    return `CREATE INDEX IF NOT EXISTS ${name}_${columns[0]} ON ${name} (${names})`;
  };
  return [
    `CREATE TABLE IF NOT EXISTS ${VERSION_TABLE} (version bigint NOT NULL)`,
    create(MESSAGES),
    index(MESSAGES, "sent_at", "message_offset", "id"),
    index(MESSAGES, "sender", "sent_at"),
    index(MESSAGES, "channel", "sent_at"),
    create(OUTCOMES),
    index(OUTCOMES, "happened_at"),
    index(OUTCOMES, "message"),
  ];
}

/** The rows of some records, by table, in the order of the records. */
export function rowOf(record: LogRecord): { readonly table: Table; readonly row: Row } {
  return record.kind === "stored"
    ? { table: MESSAGES, row: messageRow(record) }
    : { table: OUTCOMES, row: outcomeRow(record) };
}

const text = (value: string | undefined): string | null => (value === undefined ? null : storableText(value));

function messageRow(record: StoredRecord): Row {
  const data = storableText(record.data);
  const search = searchableText(data);
  return [
    text(record.id),
    record.timestamp,
    text(record.channel),
    text(record.from),
    text(record.type),
    data,
    search === data ? null : search,
    record.platforms === undefined ? null : text(JSON.stringify(record.platforms)),
    text(record.epoch),
    record.offset,
    record.state,
    record.connections,
    record.nodes,
    text(record.node),
  ];
}

/** Fields of any kind of outcome. */
type AnyOutcome = Partial<
  Record<"message" | "channel" | "from" | "user" | "device" | "type" | "code" | "reason", string> &
    Record<"offset" | "count" | "since" | "until", number>
>;

function outcomeRow(record: OutcomeRecord): Row {
  const any: AnyOutcome = record as AnyOutcome; // which fields there are depends on the kind
  return [
    text(record.id),
    record.timestamp,
    record.kind,
    text(any.message),
    text(any.channel),
    text(any.user ?? any.from),
    text(any.device),
    text(any.type),
    any.offset ?? null,
    any.count ?? null,
    text(any.code),
    text(any.reason),
    any.since ?? null,
    any.until ?? null,
    text(record.node),
  ];
}
