import type { Backlog } from "../backlog.ts";
import type { OutboxRow, RowName } from "../row.ts";

/** Rows of one read. */
export const MOST_ROWS = 500;

/** The outbox in a database. Calls reject with TidingsError `unavailable` while the database does not do what is asked. */
export interface OutboxStore {
  /**
   * Reads the first rows that wait, in their order: up to {@link MOST_ROWS}, and about 4 MiB of data.
   * @param without channels to leave out
   * @returns undefined while another relay has this outbox
   */
  read(without: readonly string[]): Promise<readonly OutboxRow[] | undefined>;

  /** Deletes rows that are published, and marks those that are refused, together. Rows that are gone are no error. */
  settle(published: readonly RowName[], failed: readonly Refusal[]): Promise<void>;

  /** Resolves when rows may have come since the last read, and after the time at the latest. */
  wait(ms: number, signal: AbortSignal): Promise<void>;

  backlog(): Promise<Backlog>;

  /** Lets another relay have the outbox. */
  close(): Promise<void>;
}

/** A row with the reason why it is refused for good. */
export interface Refusal extends RowName {
  readonly reason: string;
}
