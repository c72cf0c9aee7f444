import { type Kysely, sql } from "kysely";
import { TidingsError } from "../../index.ts";
import type { Tables } from "./tables.ts";

/** Steps from one version of the tables to the next. A step that was released never changes. */
const STEPS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE chat_account (
      user_id TEXT PRIMARY KEY, folded TEXT NOT NULL UNIQUE, name TEXT NOT NULL, folded_name TEXT NOT NULL,
      picture TEXT, password TEXT, is_admin INTEGER NOT NULL, created_at BIGINT NOT NULL)`,
    `CREATE TABLE chat_session (
      digest TEXT PRIMARY KEY, user_id TEXT NOT NULL, expires_at BIGINT NOT NULL)`,
    "CREATE INDEX chat_session_user ON chat_session (user_id)",
    `CREATE TABLE chat_attempt (
      subject TEXT PRIMARY KEY, failures INTEGER NOT NULL, started_at BIGINT NOT NULL)`,
    `CREATE TABLE chat_group (
      group_id TEXT PRIMARY KEY, kind TEXT NOT NULL, pair TEXT UNIQUE, name TEXT NOT NULL, folded_name TEXT NOT NULL,
      is_open INTEGER NOT NULL, announce TEXT NOT NULL, max_members INTEGER NOT NULL, member_count INTEGER NOT NULL,
      created_at BIGINT NOT NULL)`,
    `CREATE TABLE chat_member (
      group_id TEXT NOT NULL, user_id TEXT NOT NULL, role TEXT NOT NULL, joined_at BIGINT NOT NULL,
      read_epoch TEXT NOT NULL, read_offset BIGINT NOT NULL, PRIMARY KEY (group_id, user_id))`,
    "CREATE INDEX chat_member_user ON chat_member (user_id, group_id)",
    `CREATE TABLE chat_invitation (
      group_id TEXT NOT NULL, user_id TEXT NOT NULL, invited_by TEXT NOT NULL, created_at BIGINT NOT NULL,
      PRIMARY KEY (group_id, user_id))`,
    "CREATE INDEX chat_invitation_user ON chat_invitation (user_id)",
    `CREATE TABLE chat_friend (
      user_id TEXT NOT NULL, other_id TEXT NOT NULL, state TEXT NOT NULL, created_at BIGINT NOT NULL,
      PRIMARY KEY (user_id, other_id))`,
    "CREATE INDEX chat_friend_other ON chat_friend (other_id)",
    `CREATE TABLE chat_block (
      user_id TEXT NOT NULL, other_id TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (user_id, other_id))`,
    `CREATE TABLE chat_change (
      group_id TEXT NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY (group_id, user_id))`,
  ],
];

/** Version of the tables that this release knows. */
export const VERSION = STEPS.length;

/** Any number, the same in all releases: nodes that start at once migrate one after the other. */
const MIGRATION_LOCK = 7_446_311;

/**
 * Brings the tables to the version of this release, in one transaction.
 * @throws TidingsError `conflict` when they are of a newer release, which this one would damage
 */
export async function migrate(database: Kysely<Tables>, isPostgres: boolean): Promise<void> {
  await database.transaction().execute(async (step) => {
    if (isPostgres) await sql`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(step);
    await sql`CREATE TABLE IF NOT EXISTS chat_version (version INTEGER PRIMARY KEY)`.execute(step);
    const { rows } = await sql<{
      version: number | null;
    }>`SELECT max(version) AS version FROM chat_version`.execute(step);
    const version = Number(rows[0]?.version ?? 0);
    if (version > VERSION) throw tooNew(version);
    for (const statement of STEPS.slice(version).flat()) await sql.raw(statement).execute(step);
    if (version < VERSION) await sql`INSERT INTO chat_version VALUES (${VERSION})`.execute(step);
  });
}

const tooNew = (version: number): TidingsError =>
  new TidingsError(
    "conflict",
    `chat.database: its tables have version ${version}, and this release knows ${VERSION}: run the newer release`,
  );
