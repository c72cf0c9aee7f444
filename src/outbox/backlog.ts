/** Numbers of rows in an outbox. */
export interface Backlog {
  /** Rows that wait to be published. */
  readonly waiting: number;
  /** Age of the oldest one, in milliseconds; 0 without any. */
  readonly oldestMs: number;
  /** Rows that were refused for good. They stay in the table until somebody deletes them. */
  readonly failed: number;
}
