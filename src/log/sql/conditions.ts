import { groupChannel, userChannel } from "../../protocol/protocol.ts";
import type { MessageQuery } from "../sink.ts";
import { type Place, readCursor } from "./cursor.ts";
import { foldText, storableText } from "./searchable.ts";
import { SEARCHED, type Value } from "./tables.ts";

/** Differences between the two databases. */
export interface Dialect {
  /** Placeholder of the value with this number, from 1. */
  placeholder(number: number): string;
  /** Condition that an expression contains a text. */
  contains(expression: string, placeholder: string): string;
  /** The text as a value for {@link contains}. */
  pattern(text: string): string;
  /** Condition that ends a search which takes too long. @default the database has a limit of its own */
  readonly inTime?: string;
}

/** Conditions of a query, with their values. Values never get into the text of the query. */
export class Conditions {
  readonly #dialect: Dialect;
  readonly #texts: string[] = [];
  readonly values: Value[] = [];

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /** Adds a condition that has its placeholders. */
  addReady(text: string): void {
    this.#texts.push(text);
  }

  /** Adds a condition; `?` in it stands for the values, one after the other. */
  add(text: string, ...values: readonly Value[]): void {
    let index = 0;
    this.#texts.push(text.replaceAll("?", () => this.value(values[index++] ?? null)));
  }

  /** Adds a value. @returns its placeholder */
  value(value: Value): string {
    this.values.push(value);
    return this.#dialect.placeholder(this.values.length);
  }

  get where(): string {
    return this.#texts.length === 0 ? "" : `WHERE ${this.#texts.join(" AND ")}`;
  }
}

/** Makes the conditions of a search. @throws TidingsError `bad_request` for a cursor of another kind */
export function conditionsOf(query: MessageQuery, dialect: Dialect): Conditions {
  const conditions = new Conditions(dialect);
  const { user, from, to, group, channel, type, text, since, until, cursor } = query;
  const named = [
    to === undefined ? undefined : userChannel(to),
    group === undefined ? undefined : groupChannel(group),
    channel,
  ];
  if (user !== undefined)
    conditions.add("(sender = ? OR channel = ?)", clean(user), clean(userChannel(user)));
  if (from !== undefined) conditions.add("sender = ?", clean(from));
  for (const each of named) if (each !== undefined) conditions.add("channel = ?", clean(each));
  if (type !== undefined) conditions.add("type = ?", clean(type));
  if (since !== undefined) conditions.add("sent_at >= ?", since);
  if (until !== undefined) conditions.add("sent_at < ?", until);
  if (cursor !== undefined) addPlace(conditions, readCursor(cursor));
  if (dialect.inTime !== undefined) conditions.addReady(dialect.inTime);
  if (text !== undefined && text !== "") {
    const pattern = conditions.value(dialect.pattern(foldText(text)));
    conditions.addReady(dialect.contains(SEARCHED, pattern));
  }
  return conditions;
}

const clean = storableText;

/** Goes on below a place. The first condition lets the index on the time serve the second. */
function addPlace(conditions: Conditions, { sentAt, offset, id }: Place): void {
  conditions.add("sent_at <= ?", sentAt);
  conditions.add("(sent_at, message_offset, id) < (?, ?, ?)", sentAt, offset, id);
}
