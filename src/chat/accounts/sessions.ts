import { createHash, randomBytes } from "node:crypto";
import { sql } from "kysely";
import { z } from "zod";
import { TidingsError } from "../../index.ts";
import type { Core } from "../core.ts";
import type { Queries } from "../database/database.ts";
import { time } from "../operation.ts";

/** Lifetime of a refresh token that nobody uses: 30 days. */
const SESSION_MS = 30 * 24 * 60 * 60_000;

/** Time for which a used refresh token still serves: the reply of its first use may be lost, with a connection or a page that is left. */
const GRACE_MS = 30_000;

/** Sessions of a user; the oldest ends when another one begins. */
const MOST_SESSIONS = 50;

/** Reply to everything that logs in. */
export const session = z.object({
  user: z.string(),
  token: z
    .string()
    .meta({ description: "Token for the WebSocket and for HTTP, a JWT of `jwt.lifetime` (1 h)." }),
  expiresAt: time,
  refreshToken: z
    .string()
    .meta({ description: "For `refresh`, within 30 days. It ends 30 s after its first use." }),
});

/** Logins: a short token that the hub verifies, and a long one, kept here as a digest, that gets the next ones. */
export class Sessions {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  async begin(
    user: string,
    queries: Queries = this.#core.database.queries,
  ): Promise<z.input<typeof session>> {
    const refreshToken = randomBytes(32).toString("base64url");
    const token = await this.#core.hub.token({ user });
    const expires_at = (await this.#core.database.now(queries)) + SESSION_MS;
    await queries
      .insertInto("chat_session")
      .values({ digest: digestOf(refreshToken), user_id: user, expires_at })
      .execute();
    await this.#endOldest(user, queries);
    return { user, token, expiresAt: expiryOf(token), refreshToken };
  }

  /**
   * A used refresh token ends after a short grace, so a thief and its owner cannot both go on with it unnoticed.
   * @throws TidingsError `unauthorized` for one that is not known, or has ended
   */
  async refresh(refreshToken: string): Promise<z.input<typeof session>> {
    return this.#core.database.change(async (queries) => {
      const now = await this.#core.database.now(queries);
      const end = now + GRACE_MS;
      // Each further use leaves the end of the grace as it is.
      const row = await queries
        .updateTable("chat_session")
        .set({ expires_at: sql`CASE WHEN expires_at > ${end} THEN ${end} ELSE expires_at END` })
        .where("digest", "=", digestOf(refreshToken))
        .where("expires_at", ">", now)
        .returning("user_id")
        .executeTakeFirst();
      if (row === undefined)
        throw new TidingsError("unauthorized", "the refresh token is not valid (any more): log in again");
      return this.begin(row.user_id, queries);
    });
  }

  async end(refreshToken: string): Promise<void> {
    await this.#core.database.queries
      .deleteFrom("chat_session")
      .where("digest", "=", digestOf(refreshToken))
      .execute();
  }

  async endAll(user: string, queries: Queries): Promise<void> {
    await queries.deleteFrom("chat_session").where("user_id", "=", user).execute();
  }

  async expire(): Promise<void> {
    const now = await this.#core.database.now();
    await this.#core.database.queries.deleteFrom("chat_session").where("expires_at", "<", now).execute();
  }

  async #endOldest(user: string, queries: Queries): Promise<void> {
    const kept = queries
      .selectFrom("chat_session")
      .select("digest")
      .where("user_id", "=", user)
      .orderBy("expires_at", "desc")
      .limit(MOST_SESSIONS);
    await queries
      .deleteFrom("chat_session")
      .where("user_id", "=", user)
      .where("digest", "not in", kept)
      .execute();
  }
}

const digestOf = (token: string): string => createHash("sha256").update(token).digest("base64url");

/** Reads the expiry of a token that the hub has just made. */
function expiryOf(token: string): number {
  const [, payload = ""] = token.split(".");
  const { exp } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { exp: number };
  return exp * 1_000;
}
