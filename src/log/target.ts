import { postgresSink } from "./postgres/postgres.ts";
import type { MessageSink } from "./sink.ts";
import { sqliteSink } from "./sqlite/sqlite.ts";
import { stdoutSink } from "./stdout.ts";

const SQLITE = "sqlite:";

/**
 * Makes the sink that a setting names.
 * @param target `stdout`, `sqlite:<file>` or `postgres://…`, as the configuration has checked
 * @throws TidingsError `bad_request` for PostgreSQL without the package `pg`
 */
export function sinkOf(target: string): MessageSink {
  if (target === "stdout") return stdoutSink();
  return target.startsWith(SQLITE) ? sqliteSink(target.slice(SQLITE.length)) : postgresSink(target);
}
