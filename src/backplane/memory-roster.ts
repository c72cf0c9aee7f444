import { TidingsError } from "../protocol/protocol.ts";
import type { ConnectionInfo, OnlinePage, OnlineUser } from "./port.ts";

/** A user who is online. */
export interface Attendance {
  readonly user: string;
  /** Rises with every user who comes: the order of the pages. */
  readonly place: number;
  /** The connections, oldest first. Empty when the user has gone. */
  readonly connections: ConnectionInfo[];
}

/** Who is online, in the order of coming. */
export class Roster {
  readonly #users = new Map<string, Attendance>();
  /** By place. Those who have gone stay until they are the half, so that nobody has to move when one goes. */
  #order: Attendance[] = [];
  #places = 0;

  get size(): number {
    return this.#users.size;
  }

  get(user: string): Attendance | undefined {
    return this.#users.get(user);
  }

  add(user: string, connection: ConnectionInfo): void {
    const attendance = { user, place: ++this.#places, connections: [connection] };
    this.#users.set(user, attendance);
    this.#order.push(attendance);
  }

  /** To be called for a user whose last connection has gone. */
  remove(attendance: Attendance): void {
    this.#users.delete(attendance.user);
    if (this.#order.length > 2 * this.#users.size) this.#order = this.#order.filter(isPresent);
  }

  /**
   * A page of users. The cursor is the place of the last one listed, so arrivals and departures between pages
   * neither repeat nor hide anybody who stays.
   * @throws TidingsError `bad_request` for a cursor that no page gave
   */
  page(limit: number, cursor?: string): OnlinePage {
    const users: OnlineUser[] = [];
    let last = 0;
    for (let index = this.#indexAfter(placeOf(cursor)); index < this.#order.length; index++) {
      const attendance = this.#order[index];
      if (attendance === undefined || !isPresent(attendance)) continue;
      if (users.length === limit) return { users, cursor: String(last) };
      users.push(describe(attendance));
      last = attendance.place;
    }
    return { users };
  }

  /** The index of the first attendance beyond a place, by halving. */
  #indexAfter(place: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle]?.place ?? 0) > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const isPresent = ({ connections }: Attendance): boolean => connections.length > 0;

function describe({ user, connections }: Attendance): OnlineUser {
  const platforms = [...new Set(connections.map(({ platform }) => platform))];
  return { user, connections: connections.length, platforms };
}

function placeOf(cursor = "0"): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new TidingsError("bad_request", "cursor: expected the one that came with the page before");
}
