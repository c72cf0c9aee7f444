import { badRequest, isChannel, type Target, TidingsError, targetOf } from "../protocol/protocol.ts";

/** Names one row: its number alone may belong to another row after a restore of the database or a failover. */
export interface RowName {
  /** Number of the row, in decimal digits: those of PostgreSQL may exceed the numbers of JavaScript. */
  readonly id: string;
  /** Idempotency key. It is random: numbers begin again when a table is made anew, and two databases have the same ones. */
  readonly key: string;
}

/** A row of the outbox that waits to be published. */
export interface OutboxRow extends RowName {
  readonly channel: string;
  readonly type: string;
  readonly sender: string | null;
  /** JSON; null for none, and for data that is too large to be read. */
  readonly data: string | null;
  /** Bytes of the data. */
  readonly size: number;
}

/** Data of a row that is read at all. A hub takes far less, unless it is told otherwise. */
export const MOST_DATA_BYTES = 16_777_216;

/** A message as a relay hands it to a hub. */
export interface OutboxMessage extends RowName {
  readonly target: Target;
  readonly type: string;
  readonly from: string | undefined;
  /** JSON as the application wrote it; undefined for none. */
  readonly text: string | undefined;
  /** The value of that JSON. */
  readonly data: unknown;
}

/** @throws TidingsError `bad_request` or `too_large` for a row that no hub can take */
export function messageOf({ id, key, channel, type, sender, data, size }: OutboxRow): OutboxMessage {
  if (!isChannel(channel))
    throw badRequest(`channel: expected "all", "user:<id>" or "group:<id>", got ${shown(channel)}`);
  if (size > MOST_DATA_BYTES)
    throw new TidingsError("too_large", `data: expected at most ${MOST_DATA_BYTES} bytes, got ${size}`);
  const text = data ?? undefined;
  return { id, target: targetOf(channel), type, key, from: sender ?? undefined, text, data: parsed(text) };
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("data: expected JSON");
  }
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 64).toWellFormed());
