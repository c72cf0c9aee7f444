import { type Change, type Core, reportFailure } from "../core.ts";
import type { Queries } from "../database/database.ts";
import type { ReadMark } from "../groups/membership.ts";

/** Time in which marks become one transaction. */
const FLUSH_MS = 100;

/** Time after which marks are written again that the database did not take. */
const RETRY_MS = 1_000;

/** Marks that wait while the database fails; further ones are dropped, and the messages count as unread. */
const MOST_WAITING = 100_000;

interface Mark extends ReadMark {
  readonly group: string;
  readonly user: string;
}

/** How far users have read. Who writes has read up to the own message: such marks are written in the background, together. */
export class Marks {
  readonly #core: Core;
  #waiting = new Map<string, Mark>();
  /** Messages that are on the way and move no mark, by group and user. */
  readonly #unmoved = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Runs work that publishes a message of a user, and notes no mark for it. */
  async unmoved<Result>({ group, user }: Change, work: () => Promise<Result>): Promise<Result> {
    const key = keyOf(group, user);
    this.#unmoved.set(key, (this.#unmoved.get(key) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#unmoved.get(key) ?? 1) - 1;
      if (left > 0) this.#unmoved.set(key, left);
      else this.#unmoved.delete(key);
    }
  }

  /** Notes a mark, to be written soon. */
  note(group: string, user: string, { epoch, offset }: ReadMark): void {
    const key = keyOf(group, user);
    if (this.#unmoved.has(key)) return;
    if (!this.#waiting.has(key) && this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.set(key, { group, user, epoch, offset });
    this.#timer ??= setTimeout(() => this.#begin(), FLUSH_MS);
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const before = this.#flushing;
    this.#flushing = this.#write(before);
    await this.#flushing;
  }

  /** Moves a mark forward. @returns false when the user had read that far */
  async set(mark: Mark, queries: Queries = this.#core.database.queries): Promise<boolean> {
    const { group, user, epoch, offset } = mark;
    const { numUpdatedRows } = await queries
      .updateTable("chat_member")
      .set({ read_epoch: epoch, read_offset: offset })
      .where("group_id", "=", group)
      .where("user_id", "=", user)
      .where(({ eb, or }) => or([eb("read_epoch", "!=", epoch), eb("read_offset", "<", offset)]))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  #begin(): void {
    this.flush().catch((error: unknown) => reportFailure(this.#core, "read marks", error));
  }

  async #write(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined);
    const marks = this.#waiting;
    if (marks.size === 0) return;
    this.#waiting = new Map();
    try {
      await this.#core.database.change(async (queries) => {
        // In one order, so that two nodes do not wait for each other.
        for (const [, mark] of [...marks].sort(([one], [other]) => (one < other ? -1 : 1)))
          await this.set(mark, queries);
      });
    } catch (error) {
      for (const [key, mark] of marks) if (!this.#waiting.has(key)) this.#waiting.set(key, mark);
      this.#timer ??= setTimeout(() => this.#begin(), RETRY_MS);
      throw error;
    }
  }

  /** Writes what waits, for the last time. */
  async close(): Promise<void> {
    await this.flush().catch((error: unknown) => this.#core.settings.report("read marks", error));
    clearTimeout(this.#timer);
  }
}

/** The id of a group has no space. */
const keyOf = (group: string, user: string): string => `${group} ${user}`;
