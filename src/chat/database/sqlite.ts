import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Dialect, SqliteDialect, type SqliteStatement } from "kysely";
import { loadSqlite, makeFile } from "../../database/database.ts";
import { TidingsError } from "../../index.ts";

/** Time for which a query waits for another process that writes, `tidings chat admin` for instance. */
const BUSY_MS = 5_000;

/** Statements that are kept prepared. The chat has far fewer. */
const MOST_STATEMENTS = 500;

/** Path of a database without a file. */
export const MEMORY = ":memory:";

type Values = Parameters<StatementSync["all"]>;

/**
 * Makes the dialect of a SQLite file, over `node:sqlite`. Queries run in this thread: each takes some ten microseconds, and commits do not wait
 * for the disk.
 * @throws TidingsError `bad_request` when the file cannot be opened or is no database
 */
export function sqliteDialect(path: string): Dialect {
  const database = open(path);
  const statements = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    if (statements.size >= MOST_STATEMENTS) statements.clear();
    // Kysely begins each transaction with a plain BEGIN, which SQLite refuses to write in when another process has written since.
    const statement = statementOf(database.prepare(sql === "begin" ? "begin immediate" : sql));
    statements.set(sql, statement);
    return statement;
  };
  return new SqliteDialect({ database: { prepare, close: () => database.close() } });
}

const statementOf = (statement: StatementSync): SqliteStatement => ({
  reader: statement.columns().length > 0,
  all: (values) => statement.all(...(values as Values)), // the chat has texts and numbers only
  run: (values) => statement.run(...(values as Values)),
  iterate: (values) => statement.iterate(...(values as Values)),
});

function open(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (path !== MEMORY) makeFile(path);
    database = new (loadSqlite().DatabaseSync)(path, { timeout: BUSY_MS });
    // With NORMAL a crash of the system may cost the last changes, and never the file.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    return database;
  } catch (cause) {
    database?.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TidingsError("bad_request", `chat.database: cannot open ${path}: ${reason}`, { cause });
  }
}
