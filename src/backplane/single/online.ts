import { TidingsError } from "../../protocol/protocol.ts";
import type { ConnectionInfo, OnlinePage, OnlineUser } from "../port.ts";

export interface PresentUser {
  readonly user: string;
  /** Serial number of the user's arrival: the order of the pages. */
  readonly serial: number;
  /** Oldest first. Empty once the user is offline. */
  readonly connections: ConnectionInfo[];
}

/** Users online, in the order in which they came. */
export class OnlineUsers {
  readonly #users = new Map<string, PresentUser>();
  /** Users by serial number. Offline users are removed once they are half of the list: each removal copies the list. */
  #order: PresentUser[] = [];
  #serials = 0;

  get size(): number {
    return this.#users.size;
  }

  get(user: string): PresentUser | undefined {
    return this.#users.get(user);
  }

  add(user: string, connection: ConnectionInfo): void {
    const present = { user, serial: ++this.#serials, connections: [connection] };
    this.#users.set(user, present);
    this.#order.push(present);
  }

  /** Removes a user whose last connection has ended. */
  remove(present: PresentUser): void {
    this.#users.delete(present.user);
    if (this.#order.length > 2 * this.#users.size) this.#order = this.#order.filter(isPresent);
  }

  /**
   * Reads a page of users. The cursor is the serial number of the last user listed, so users who come and go between
   * pages neither repeat nor hide a user who stays.
   * @throws TidingsError `bad_request` for a cursor that no page gave
   */
  page(limit: number, cursor?: string): OnlinePage {
    const users: OnlineUser[] = [];
    let last = 0;
    for (let index = this.#indexAfter(serialOf(cursor)); index < this.#order.length; index++) {
      const present = this.#order[index];
      if (present === undefined || !isPresent(present)) continue;
      if (users.length === limit) return { users, cursor: String(last) };
      users.push(describe(present));
      last = present.serial;
    }
    return { users };
  }

  /** Finds the index of the first user above a serial number, by bisection. */
  #indexAfter(serial: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle]?.serial ?? 0) > serial) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const isPresent = ({ connections }: PresentUser): boolean => connections.length > 0;

function describe({ user, connections }: PresentUser): OnlineUser {
  const platforms = [...new Set(connections.map(({ platform }) => platform))];
  return { user, connections: connections.length, platforms };
}

/** Serial number in a cursor. @throws TidingsError `bad_request` for a cursor that no page gave */
export function serialOf(cursor = "0"): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new TidingsError("bad_request", "cursor: expected the one that came with the page before");
}
