import { TidingsError } from "../../../protocol/protocol.ts";
import type { OnlinePage, OnlineUser } from "../../port.ts";
import type { RunScript } from "../connection/connection.ts";
import { EVERY_PARTITION, PARTITIONS } from "../wire/keys.ts";
import { FIELD } from "../wire/lines.ts";
import { CENSUS, PAGE } from "./scripts.ts";

/** A user who is online, with the rank in the list of all. */
interface Listed {
  readonly user: OnlineUser;
  readonly rank: Rank;
}

/** Rank of a user in the list: by partition, then by order of arrival. It stays while the user is online. */
interface Rank {
  readonly partition: number;
  readonly order: number;
}

/** Users read in one call. A call takes about a millisecond. */
const USERS_PER_CALL = 250;

/** Users online in the whole cluster. */
export class OnlineUsers {
  readonly #run: RunScript;

  constructor(run: RunScript) {
    this.#run = run;
  }

  /** Counts users and connections: one small call for each partition, however many users are online. */
  async count(): Promise<{ users: number; connections: number }> {
    const counts = await Promise.all(EVERY_PARTITION.map((partition) => this.#census(partition, 0)));
    return {
      users: counts.reduce((sum, { users }) => sum + users, 0),
      connections: counts.reduce((sum, { connections }) => sum + connections, 0),
    };
  }

  /**
   * Reads a page of users. The cursor is the rank of the last user listed, so users who come or go between pages
   * neither repeat nor hide a user who stays.
   * @throws TidingsError `bad_request` for a cursor that no page gave
   */
  async page(limit: number, cursor?: string): Promise<OnlinePage> {
    const begin = rankOf(cursor);
    const listed: Listed[] = [];
    // One user more than asked for tells whether another page follows.
    for (const start of await this.#starts(begin)) {
      if (listed.length > limit) break;
      listed.push(...(await this.#read(start, limit + 1 - listed.length)));
    }
    const users = listed.slice(0, limit).map(({ user }) => user);
    const last = listed[limit - 1]?.rank;
    return listed.length > limit && last !== undefined ? { users, cursor: cursorOf(last) } : { users };
  }

  /** Ranks to begin after, one for each partition that has users beyond a rank. */
  async #starts({ partition: first, order }: Rank): Promise<Rank[]> {
    const starts = EVERY_PARTITION.slice(first).map((partition) => ({
      partition,
      order: partition === first ? order : 0,
    }));
    const counts = await Promise.all(starts.map((start) => this.#census(start.partition, start.order)));
    return starts.filter((_, index) => (counts[index]?.users ?? 0) > 0);
  }

  /** Reads up to `limit` users of one partition. */
  async #read({ partition, order }: Rank, limit: number): Promise<Listed[]> {
    const listed: Listed[] = [];
    for (;;) {
      const after = listed.at(-1)?.rank.order ?? order;
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
    rank: { partition, order: Number(order) },
  };
}

const cursorOf = ({ partition, order }: Rank): string => `${partition}.${order}`;

function rankOf(cursor = "0.0"): Rank {
  const { partition, order } = /^(?<partition>\d{1,2})\.(?<order>\d{1,15})$/.exec(cursor)?.groups ?? {};
  const rank = { partition: Number(partition), order: Number(order) };
  // False for NaN too, which any other text gives.
  if (rank.partition < PARTITIONS) return rank;
  throw new TidingsError("bad_request", "cursor: expected the one that came with the page before");
}
