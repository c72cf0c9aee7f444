import type { LogRecord } from "../record.ts";
import type { AnswerRow } from "../sql/search.ts";
import type { Value } from "../sql/tables.ts";

/** Start of the thread. */
export interface ThreadStart {
  readonly path: string;
  /** True for the thread of searches. */
  readonly isReader: boolean;
}

/** Work for the thread of a database. */
export type Work =
  | { readonly do: "open" }
  | { readonly do: "write"; readonly records: readonly LogRecord[] }
  | { readonly do: "query"; readonly sql: string; readonly values: readonly Value[] }
  | { readonly do: "expire"; readonly before: number }
  | { readonly do: "close" };

/** Answer to each kind of work. */
export interface Answers {
  readonly open: undefined;
  /** Places in the list of records that can never be stored, with the reasons. */
  readonly write: readonly (readonly [place: number, reason: string])[];
  readonly query: readonly AnswerRow[];
  /** Number of deleted records. */
  readonly expire: number;
  readonly close: undefined;
}

export type Request = Work & { readonly id: number };

export type Reply =
  | { readonly id: number; readonly answer: Answers[Work["do"]] }
  | { readonly id: number; readonly failure: string; readonly isTooLong?: boolean };
