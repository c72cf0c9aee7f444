import { TidingsError } from "../../../protocol/protocol.ts";
import type { OnlinePage, OnlineUser } from "../../port.ts";
import type { RunScript } from "../connection/connection.ts";
import { EVERY_PARTITION, PARTITIONS } from "../wire/keys.ts";
import { FIELD } from "../wire/lines.ts";
import { CENSUS, PAGE } from "./scripts.ts";

/** A user who is online, and where: partition by partition, in each by the order of coming. */
interface Listed {
  readonly user: OnlineUser;
  readonly place: Place;
}

interface Place {
  readonly partition: number;
  readonly order: number;
}

/** Users read in one call: it takes about a millisecond. */
const USERS_PER_CALL = 250;

/** Who is online in the cluster. */
export class RedisRoster {
  readonly #run: RunScript;

  constructor(run: RunScript) {
    this.#run = run;
  }

  /** Costs one small call for each partition, however many are online. */
  async count(): Promise<{ users: number; connections: number }> {
    const counts = await Promise.all(EVERY_PARTITION.map((partition) => this.#census(partition, 0)));
    return {
      users: counts.reduce((sum, { users }) => sum + users, 0),
      connections: counts.reduce((sum, { connections }) => sum + connections, 0),
    };
  }

  /**
   * A page of users. The cursor is the place of the last one listed, so arrivals and departures between pages
   * neither repeat nor hide anybody who stays.
   * @throws TidingsError `bad_request` for a cursor that no page gave
   */
  async page(limit: number, cursor?: string): Promise<OnlinePage> {
    const start = placeOf(cursor);
    const listed: Listed[] = [];
    // One more than asked for, so that the last page is known to be the last.
    for (const place of await this.#occupied(start)) {
      if (listed.length > limit) break;
      listed.push(...(await this.#read(place, limit + 1 - listed.length)));
    }
    const users = listed.slice(0, limit).map(({ user }) => user);
    const last = listed[limit - 1]?.place;
    return listed.length > limit && last !== undefined ? { users, cursor: cursorOf(last) } : { users };
  }

  /** Where to begin in each partition in which there is anybody from a place on. */
  async #occupied({ partition: first, order }: Place): Promise<Place[]> {
    const places = EVERY_PARTITION.slice(first).map((partition) => ({
      partition,
      order: partition === first ? order : 0,
    }));
    const counts = await Promise.all(places.map((place) => this.#census(place.partition, place.order)));
    return places.filter((_, index) => (counts[index]?.users ?? 0) > 0);
  }

  /** Up to `limit` users of one partition. */
  async #read({ partition, order }: Place, limit: number): Promise<Listed[]> {
    const listed: Listed[] = [];
    for (;;) {
      const after = listed.at(-1)?.place.order ?? order;
      const count = Math.min(limit - listed.length, USERS_PER_CALL);
      const fields = (await this.#run(PAGE, partition, [after, count])) as (string | number)[]; // by the script
      for (let index = 0; index < fields.length; index += FIELDS_PER_USER) {
        listed.push(listedOf(partition, fields.slice(index, index + FIELDS_PER_USER)));
      }
      if (listed.length >= limit || fields.length < count * FIELDS_PER_USER) return listed;
    }
  }

  async #census(partition: number, after: number): Promise<{ users: number; connections: number }> {
    const [users = 0, connections = 0] = (await this.#run(CENSUS, partition, [after])) as number[]; // by the script
    return { users, connections };
  }
}

const FIELDS_PER_USER = 4;

function listedOf(partition: number, [user, order, connections, platforms]: (string | number)[]): Listed {
  return {
    user: { user: String(user), connections: Number(connections), platforms: String(platforms).split(FIELD) },
    place: { partition, order: Number(order) },
  };
}

const cursorOf = ({ partition, order }: Place): string => `${partition}.${order}`;

function placeOf(cursor = "0.0"): Place {
  const { partition, order } = /^(?<partition>\d{1,2})\.(?<order>\d{1,15})$/.exec(cursor)?.groups ?? {};
  const place = { partition: Number(partition), order: Number(order) };
  // Also false for what is not a number.
  if (place.partition < PARTITIONS) return place;
  throw new TidingsError("bad_request", "cursor: expected the one that came with the page before");
}
