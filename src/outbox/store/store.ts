import { TidingsError } from "../../protocol/protocol.ts";
import type { OutboxStore } from "./port.ts";
import { PostgresStore } from "./postgres.ts";
import { SqliteStore } from "./sqlite.ts";

export { MOST_ROWS, type OutboxStore } from "./port.ts";

/** Opens the outbox in a database, and says how long a relay waits between two looks. */
export function openStore(database: string): { readonly store: OutboxStore; readonly pollMs: number } {
  if (/^postgres(?:ql)?:\/\//.test(database)) return { store: new PostgresStore(database), pollMs: 1_000 };
  const [, path = ""] = /^sqlite:(.+)$/.exec(database) ?? [];
  if (path !== "" && path !== ":memory:") return { store: new SqliteStore(path), pollMs: 20 };
  throw new TidingsError(
    "bad_request",
    "createRelay: database: expected sqlite:<file>, or postgres://user:password@host:5432/database",
  );
}
