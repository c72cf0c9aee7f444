import { sql } from "kysely";
import { TidingsError } from "../../index.ts";
import type { Core } from "../core.ts";

/** Something that is counted, and how often it may happen within a time. */
export interface Counted {
  readonly subject: string;
  readonly most: number;
  readonly withinMs: number;
}

const QUARTER_HOUR = 15 * 60_000;
const DAY = 24 * 60 * 60_000;

/** Failed logins and registrations, counted in the database for all nodes. */
export class Attempts {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Counters of a login: a guesser has one address or many, and one account or many. */
  ofLogin(account: string, address = "unknown"): Counted[] {
    const { failedLogins, failedLoginsAltogether: altogether } = this.#core.settings.limits;
    return [
      { subject: `login ${JSON.stringify([account, address])}`, most: failedLogins, withinMs: QUARTER_HOUR },
      { subject: `account ${account}`, most: altogether, withinMs: QUARTER_HOUR },
      { subject: `address ${address}`, most: altogether, withinMs: QUARTER_HOUR },
    ];
  }

  ofRegistration(address = "unknown"): Counted[] {
    const { registrationsPerAddress: most } = this.#core.settings.limits;
    return [{ subject: `registration ${address}`, most, withinMs: DAY }];
  }

  /** @throws TidingsError `rate_limited` with the time to wait, when one of the counters is full */
  async assertAllowed(counters: readonly Counted[]): Promise<void> {
    const now = await this.#core.database.now();
    for (const { subject, most, withinMs } of counters) {
      const row = await this.#core.database.queries
        .selectFrom("chat_attempt")
        .select(["failures", "started_at"])
        .where("subject", "=", subject)
        .executeTakeFirst();
      if (row === undefined || row.failures < most) continue;
      const retryAfterMs = row.started_at + withinMs - now;
      if (retryAfterMs <= 0) continue;
      throw tooMany(retryAfterMs);
    }
  }

  /**
   * Counts before the work. The count decides: of attempts at the same time no more pass than the limit allows.
   * @throws TidingsError `rate_limited` when one of the counters was filled meanwhile; nothing is counted then
   */
  async count(counters: readonly Counted[]): Promise<void> {
    const now = await this.#core.database.now();
    const counted: Counted[] = [];
    for (const counter of counters) {
      const { subject, most, withinMs } = counter;
      const since = now - withinMs;
      const { failures, started_at } = await this.#core.database.queries
        .insertInto("chat_attempt")
        .values({ subject, failures: 1, started_at: now })
        .onConflict((conflict) =>
          conflict.column("subject").doUpdateSet({
            failures: sql`CASE WHEN chat_attempt.started_at <= ${since} THEN 1 ELSE chat_attempt.failures + 1 END`,
            started_at: sql`CASE WHEN chat_attempt.started_at <= ${since} THEN ${now} ELSE chat_attempt.started_at END`,
          }),
        )
        .returning(["failures", "started_at"])
        .executeTakeFirstOrThrow();
      counted.push(counter);
      if (failures <= most) continue;
      await this.forget(counted);
      throw tooMany(Math.max(1, started_at + withinMs - now));
    }
  }

  /** Takes back what was counted for an attempt that succeeded. */
  async forget(counters: readonly Counted[]): Promise<void> {
    for (const { subject } of counters) {
      await this.#core.database.queries
        .updateTable("chat_attempt")
        .set({ failures: sql`failures - 1` })
        .where("subject", "=", subject)
        .where("failures", ">", 0)
        .execute();
    }
  }

  /** Removes counters whose time is over. */
  async expire(): Promise<void> {
    const now = await this.#core.database.now();
    await this.#core.database.queries
      .deleteFrom("chat_attempt")
      .where("started_at", "<", now - DAY)
      .execute();
  }
}

const tooMany = (retryAfterMs: number): TidingsError =>
  new TidingsError("rate_limited", "too many attempts: try again later", { retryAfterMs });
