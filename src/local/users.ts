import { type Channel, userChannel } from "../protocol/protocol.ts";
import type { Connection } from "./connection.ts";

/** The connections of each user of this node. */
export class Users {
  /** Keyed by channel, not by user: a delivery has the channel string, whose hash V8 has computed already. */
  readonly #present = new Map<Channel, Connection | Set<Connection>>();

  /** Number of users. */
  get size(): number {
    return this.#present.size;
  }

  add(connection: Connection): void {
    const channel = userChannel(connection.user);
    const present = this.#present.get(channel);
    // Most users have one connection: a Set for each would cost more than the rest of this table.
    if (present === undefined) this.#present.set(channel, connection);
    else if (present instanceof Set) present.add(connection);
    else this.#present.set(channel, new Set([present, connection]));
  }

  remove(connection: Connection): void {
    const channel = userChannel(connection.user);
    const present = this.#present.get(channel);
    if (present === connection) this.#present.delete(channel);
    else if (present instanceof Set) {
      present.delete(connection);
      if (present.size === 0) this.#present.delete(channel);
    }
  }

  /** Connections of a user's channel; undefined when there are none. */
  on(channel: Channel): Iterable<Connection> | undefined {
    const present = this.#present.get(channel);
    return present === undefined || present instanceof Set ? present : [present];
  }
}
