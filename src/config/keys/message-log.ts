import { key, optional } from "../key.ts";
import { logTarget, whole } from "../values.ts";

export const MESSAGE_LOG = optional(logTarget(), {
  secret: "target",
  doc:
    "where stored messages and their outcomes are logged: `stdout`, `sqlite:<file>` such as `sqlite:./data/log.db`, or " +
    "`postgres://user:password@host:5432/database` (needs the package `pg`)",
  defaultText: "nowhere",
});

/** Limits of the message log. */
export const MESSAGE_LOG_LIMITS = {
  records: key(whole(1), 100_000, {
    unit: "messages",
    doc: "records that wait for the message log; more are dropped and counted, and the log has a record of the gap",
  }),
  bytes: key(whole(1), 67_108_864, {
    unit: "bytes",
    doc: "size of the records that wait for the message log, 256 bytes added to each",
  }),
  ageMs: key(whole(0), 0, {
    unit: "ms",
    doc: "age at which records of the message log are deleted; 0: never. Only for SQLite and PostgreSQL",
  }),
};
