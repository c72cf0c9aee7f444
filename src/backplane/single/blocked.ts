import type { BlockedPage, BlockedUser } from "../port.ts";
import { serialOf } from "./online.ts";
import type { Blocks } from "./presence.ts";

interface Block extends BlockedUser {
  /** Serial number of the block: the order of the pages. A block that replaces another one keeps its number. */
  readonly serial: number;
}

/** Users who are blocked, in memory, in the order in which their blocks began. */
export class BlockedUsers implements Blocks {
  readonly #blocks = new Map<string, Block>();
  readonly #now: () => number;
  #serials = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  async set(user: string, ms: number): Promise<void> {
    this.setUntil(user, this.#now() + ms);
  }

  /** @param until end of the block, in milliseconds since 1970; a time that is over ends it */
  setUntil(user: string, until: number): void {
    // Blocks that are over cost memory only until the next one.
    for (const other of this.#blocks.keys()) this.restOf(other);
    const serial = this.#blocks.get(user)?.serial ?? ++this.#serials;
    if (until > this.#now()) this.#blocks.set(user, { user, until, serial });
    else this.#blocks.delete(user);
  }

  restOf(user: string): number {
    const restMs = (this.#blocks.get(user)?.until ?? 0) - this.#now();
    if (restMs > 0) return restMs;
    this.#blocks.delete(user);
    return 0;
  }

  /** The cursor is the serial number of the last user listed. */
  page(limit: number, cursor?: string): BlockedPage {
    const after = serialOf(cursor);
    const users: BlockedUser[] = [];
    let last = 0;
    for (const { user, until, serial } of this.#blocks.values()) {
      if (serial <= after || this.restOf(user) === 0) continue;
      if (users.length === limit) return { users, cursor: String(last) };
      users.push({ user, until });
      last = serial;
    }
    return { users };
  }
}
