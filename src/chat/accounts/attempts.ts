import { sql } from "kysely";
import { TidingsError } from "../../index.ts";
import { clientNetwork } from "../../limit/limit.ts";
import type { Core } from "../core.ts";

/** Something that is counted, and how often it may happen within a time. */
export interface Counted {
  readonly subject: string;
  readonly most: number;
  readonly withinMs: number;
}

const QUARTER_HOUR = 15 * 60_000;
const DAY = 24 * 60 * 60_000;

/** Bits of an IPv6 address that name a client: each customer of a provider has a network of this size at least. */
const IPV6_PREFIX = 64;

/** Failed logins and registrations, counted in the database for all nodes. */
export class Attempts {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Counters of a login: a guesser has one address or many, and one account or many. */
  ofLogin(account: string, address?: string): Counted[] {
    const { failedLogins, failedLoginsAltogether: altogether } = this.#core.settings.limits;
    const client = clientOf(address);
    return [
      { subject: `login ${JSON.stringify([account, client])}`, most: failedLogins, withinMs: QUARTER_HOUR },
      { subject: `account ${account}`, most: altogether, withinMs: QUARTER_HOUR },
      { subject: `address ${client}`, most: altogether, withinMs: QUARTER_HOUR },
    ];
  }

  ofRegistration(address?: string): Counted[] {
    const { registrationsPerAddress: most } = this.#core.settings.limits;
    return [{ subject: `registration ${clientOf(address)}`, most, withinMs: DAY }];
  }

  /** Refuses without a write what {@link count} would refuse. @throws TidingsError `rate_limited` with the time to wait */
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
   * Counts before the work. The count itself decides, so that of attempts at the same time no more pass than one after the other.
   * @throws TidingsError `rate_limited` with the time to wait: then nothing is counted
   */
  async count(counters: readonly Counted[]): Promise<void> {
    const now = await this.#core.database.now();
    for (const [place, counter] of counters.entries()) {
      const { failures, started_at } = await this.#add(counter, now);
      if (failures <= counter.most) continue;
      await this.forget(counters.slice(0, place + 1));
      throw tooMany(Math.max(1, started_at + counter.withinMs - now));
    }
  }

  async #add({ subject, withinMs }: Counted, now: number) {
    const since = now - withinMs;
    return this.#core.database.queries
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

/** The client of an address: a host, or a network of IPv6. */
export const clientOf = (address = "unknown"): string => clientNetwork(address, IPV6_PREFIX);

const tooMany = (retryAfterMs: number): TidingsError =>
  new TidingsError("rate_limited", "too many attempts: try again later", { retryAfterMs });
