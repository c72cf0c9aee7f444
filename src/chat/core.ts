import type { EventMap, Hub } from "../index.ts";
import { TidingsError } from "../index.ts";
import type { Database, Queries } from "./database/database.ts";
import type { Settings } from "./options.ts";

/** Begins the id of every group of the chat, so that the policy knows them from those of the application. */
export const PREFIX = "chat:";

/** The parts that all operations of a chat use. */
export interface Core {
  readonly hub: Hub<EventMap>;
  readonly database: Database;
  readonly settings: Settings;
}

/** A membership that has changed in the tables. */
export interface Change {
  readonly group: string;
  readonly user: string;
}

/** Notes changes in the transaction that makes them, so that a crash before the hub follows is repaired. */
export async function noteChanges(queries: Queries, changes: readonly Change[]): Promise<void> {
  for (let from = 0; from < changes.length; from += ROWS) {
    const rows = changes
      .slice(from, from + ROWS)
      .map(({ group, user }) => ({ group_id: group, user_id: user }));
    await queries
      .insertInto("chat_change")
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** Reports a failure of work that nobody waits for. Of outages database and hub tell themselves, once each: the work is tried again. */
export function reportFailure({ settings }: Core, stage: string, error: unknown): void {
  const isOutage = error instanceof TidingsError && error.code === "unavailable";
  if (!isOutage) settings.report(stage, error);
}

/** Rows of one statement: each value is a placeholder, of which the databases take some ten thousand. */
export const ROWS = 500;

export const forbidden = (message: string): TidingsError => new TidingsError("forbidden", message);
export const notFound = (message: string): TidingsError => new TidingsError("not_found", message);
export const conflict = (message: string): TidingsError => new TidingsError("conflict", message);
/** A limit is reached: the request may succeed once something was removed. */
export const tooMany = (message: string): TidingsError => new TidingsError("conflict", message);
