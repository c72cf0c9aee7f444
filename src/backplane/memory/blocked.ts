import type { BlockedPage, BlockedUser } from "../port.ts";
import { serialOf } from "./online.ts";

interface Block extends BlockedUser {
  /** Serial number of the block: the order of the pages. A block that replaces another one keeps its number. */
  readonly serial: number;
}

/** Users who are blocked, in the order in which their blocks began. */
export class BlockedUsers {
  readonly #blocks = new Map<string, Block>();
  readonly #now: () => number;
  #serials = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param ms 0 ends a block */
  set(user: string, ms: number): void {
    // Blocks that are over cost memory only until the next one.
    for (const other of this.#blocks.keys()) this.restOf(other);
    const serial = this.#blocks.get(user)?.serial ?? ++this.#serials;
    if (ms > 0) this.#blocks.set(user, { user, until: this.#now() + ms, serial });
    else this.#blocks.delete(user);
  }

  /** @returns the rest of the block in milliseconds; 0 for a user who is not blocked */
  restOf(user: string): number {
    const restMs = (this.#blocks.get(user)?.until ?? 0) - this.#now();
    if (restMs > 0) return restMs;
    this.#blocks.delete(user);
    return 0;
  }

  /**
   * Reads a page of users. The cursor is the serial number of the last user listed.
   * @throws TidingsError `bad_request` for a cursor that no page gave
   */
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
