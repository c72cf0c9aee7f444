/**
 * The message log: stored messages and their outcomes go to a sink, off the path of messages. The lines that a hub logs about itself
 * are something else (`logger`).
 */
export { assertSink, makeMessageLog } from "./make-message-log.ts";
export type { MessageLogCounts, MessageLogOptions } from "./message-log.ts";
export { MessageLog } from "./message-log.ts";
export { postgresSink } from "./postgres/postgres.ts";
export type { QueueLimits } from "./queue.ts";
export type {
  AcknowledgedRecord,
  DeletedRecord,
  DroppedRecord,
  EditedRecord,
  FailedRecord,
  GapRecord,
  LoggedMessage,
  LoggedReceipt,
  LogRecord,
  OutcomeRecord,
  StoredRecord,
} from "./record.ts";
export type { FoundMessage, FoundPage, MessageQuery, MessageSink, Refuse } from "./sink.ts";
export { sqliteSink } from "./sqlite/sqlite.ts";
export { type LineStream, stdoutSink } from "./stdout.ts";
export { sinkOf } from "./target.ts";
