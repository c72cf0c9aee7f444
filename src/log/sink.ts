import type {
  DeletedRecord,
  DroppedRecord,
  EditedRecord,
  FailedRecord,
  LogRecord,
  StoredRecord,
} from "./record.ts";

/** Tells the log of a record that can never be stored. The log counts it, and does not bring it again. */
export type Refuse = (record: LogRecord, reason: string) => void;

/** Destination of the message log. The log calls `write` and `expire` one after the other, never two at a time. */
export interface MessageSink {
  /** Prepares the destination, at the start of the hub. A rejection fails the start. */
  open?(): Promise<void>;
  /**
   * Stores records, up to 1,000 at a time. After a rejection the log waits and brings the same records again, so a sink MUST keep
   * one of those with the same id. A record that can never be stored MUST NOT reject the others: see {@link Refuse}.
   */
  write(records: readonly LogRecord[], refuse: Refuse): Promise<void>;
  /** Searches the stored messages, newest first. @default the log cannot be searched */
  search?(query: MessageQuery): Promise<FoundPage>;
  /**
   * Deletes the oldest records before a time, some at a time. @default `messageLogLimits.ageMs` is refused
   * @returns the number that it deleted; 0: none is left
   */
  expire?(before: number): Promise<number>;
  /** Ends the work. No call follows. */
  close?(): Promise<void>;
}

/** Selects stored messages. Every field that is given must match. */
export interface MessageQuery {
  /** From this user, or to this user. */
  readonly user?: string | undefined;
  readonly from?: string | undefined;
  /** User to whom it was sent. */
  readonly to?: string | undefined;
  readonly group?: string | undefined;
  /** `all`, `user:<id>` or `group:<id>`. */
  readonly channel?: string | undefined;
  readonly type?: string | undefined;
  /** Text in the data, in any case of its letters. */
  readonly text?: string | undefined;
  /** First millisecond since 1970. */
  readonly since?: number | undefined;
  /** The millisecond after the last one. */
  readonly until?: number | undefined;
  /** Messages at most. */
  readonly limit: number;
  /** The `cursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** A message that was found, with its failures, changes and drops on all nodes. Its `data` is the present one. */
export interface FoundMessage extends Omit<StoredRecord, "kind"> {
  readonly outcomes: readonly (FailedRecord | DroppedRecord | DeletedRecord | Omit<EditedRecord, "data">)[];
}

export interface FoundPage {
  /** Newest first. Fewer than the limit when they are large. */
  readonly messages: readonly FoundMessage[];
  /** For the next page; absent on the last one. */
  readonly cursor?: string | undefined;
}
