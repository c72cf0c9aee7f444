import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { BlockedPage } from "../../port.ts";
import { BlockedUsers, type Blocks } from "../../single/single.ts";
import type { Writer } from "../writer.ts";

/** Blocks of users: few, and asked for at every login, so they are in memory as well. */
export class SqliteBlocks implements Blocks {
  readonly #writer: Writer;
  readonly #now: () => number;
  readonly #list: BlockedUsers;
  readonly #set: StatementSync;
  readonly #expire: StatementSync;

  constructor(db: DatabaseSync, writer: Writer, now: () => number) {
    this.#writer = writer;
    this.#now = now;
    this.#list = new BlockedUsers(now);
    this.#set = db.prepare("INSERT OR REPLACE INTO blocks (user, ends_at) VALUES (?, ?)");
    this.#expire = db.prepare("DELETE FROM blocks WHERE ends_at <= ?");
    for (const { user, ends_at } of db.prepare("SELECT user, ends_at FROM blocks").all())
      this.#list.setUntil(String(user), Number(ends_at));
  }

  restOf(user: string): number {
    return this.#list.restOf(user);
  }

  page(limit: number, cursor?: string): BlockedPage {
    return this.#list.page(limit, cursor);
  }

  async set(user: string, ms: number): Promise<void> {
    const until = this.#now() + ms;
    await this.#writer.write(() => {
      this.#set.run(user, until);
      // Blocks that are over stay only until the next one.
      this.#expire.run(this.#now());
    });
    this.#list.setUntil(user, until);
  }
}
