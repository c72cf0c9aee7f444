import { TidingsError } from "../../../../protocol/protocol.ts";
import { EVERY_PARTITION, PARTITIONS } from "../../wire/keys.ts";

/** Place of a user in a list over all partitions: by partition, then by number there. It stays while the user is in the list. */
export interface Rank {
  readonly partition: number;
  readonly order: number;
}

/** A part of the list of one partition. */
export interface Part<User> {
  readonly users: readonly { readonly user: User; readonly order: number }[];
  /** Number to go on after; absent when the partition has no more. */
  readonly next?: number | undefined;
}

/** A list of users in which each partition has its own. */
export interface Partitioned<User> {
  /** Counts the users of a partition after a number. May count some that are not listed. */
  count(rank: Rank): Promise<number>;
  /** Reads users of a partition after a number. A call takes about a millisecond. */
  read(after: Rank, limit: number): Promise<Part<User>>;
}

/** Users read in one call. */
const USERS_PER_CALL = 250;

/**
 * Reads a page of users. The cursor is the rank of the last user listed, so users who come or go between pages neither repeat nor hide
 * a user who stays.
 * @throws TidingsError `bad_request` for a cursor that no page gave
 */
export async function readPage<User>(
  list: Partitioned<User>,
  limit: number,
  cursor?: string,
): Promise<{ users: User[]; cursor?: string }> {
  const listed: { user: User; rank: Rank }[] = [];
  // One user more than asked for tells whether another page follows.
  for (const start of await startsAfter(list, rankOf(cursor))) {
    if (listed.length > limit) break;
    await readPartition(list, start, limit + 1, listed);
  }
  const users = listed.slice(0, limit).map(({ user }) => user);
  const last = listed[limit - 1]?.rank;
  return listed.length > limit && last !== undefined ? { users, cursor: cursorOf(last) } : { users };
}

/** Ranks to begin after, one for each partition that has users beyond a rank. */
async function startsAfter<User>(
  list: Partitioned<User>,
  { partition: first, order }: Rank,
): Promise<Rank[]> {
  const starts = EVERY_PARTITION.slice(first).map((partition) => ({
    partition,
    order: partition === first ? order : 0,
  }));
  const counts = await Promise.all(starts.map((start) => list.count(start)));
  return starts.filter((_, index) => (counts[index] ?? 0) > 0);
}

/** Adds users of one partition, until the list is as long as wanted. */
async function readPartition<User>(
  list: Partitioned<User>,
  { partition, order }: Rank,
  wanted: number,
  listed: { user: User; rank: Rank }[],
): Promise<void> {
  for (let next: number | undefined = order; next !== undefined && listed.length < wanted; ) {
    const count = Math.min(wanted - listed.length, USERS_PER_CALL);
    const part: Part<User> = await list.read({ partition, order: next }, count);
    for (const { user, order: at } of part.users) listed.push({ user, rank: { partition, order: at } });
    next = part.next;
  }
}

const cursorOf = ({ partition, order }: Rank): string => `${partition}.${order}`;

function rankOf(cursor = "0.0"): Rank {
  const { partition, order } = /^(?<partition>\d{1,2})\.(?<order>\d{1,15})$/.exec(cursor)?.groups ?? {};
  const rank = { partition: Number(partition), order: Number(order) };
  // False for NaN too, which any other text gives.
  if (rank.partition < PARTITIONS) return rank;
  throw new TidingsError("bad_request", "cursor: expected the one that came with the page before");
}
