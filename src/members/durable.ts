import type { Backplane, CommandResult } from "../backplane/backplane.ts";
import type { Rewind } from "../local/local.ts";
import { TidingsError } from "../protocol/protocol.ts";

/** Makes a user a durable member of a group, and joins the user's connections. @param rewind stored messages that they get first */
export async function addMember(
  { memberships, cluster }: Backplane,
  group: string,
  user: string,
  rewind?: Rewind,
): Promise<CommandResult> {
  await memberships.add(group, user);
  return cluster.command({ kind: "join", user, group, ...startOf(rewind) });
}

/** A connection, by its user and its id. */
export interface ConnectionName {
  readonly user: string;
  readonly id: string;
}

/** Joins one connection to a group for as long as it lasts, or makes it leave, on whatever node it is. */
export const moveConnection = (
  { cluster }: Backplane,
  kind: "join" | "leave",
  group: string,
  { user, id }: ConnectionName,
  rewind?: Rewind,
): Promise<CommandResult> => cluster.command({ kind, user, group, connection: id, ...startOf(rewind) });

/** Ends a membership, and removes the user's connections from the group. */
export async function removeMember(
  { memberships, cluster }: Backplane,
  group: string,
  user: string,
): Promise<CommandResult> {
  await memberships.remove(group, user);
  return cluster.command({ kind: "leave", user, group });
}

/** Closes a user's connections on all nodes, and refuses further ones until the time is over. 0 ends that. */
export async function blockUser(
  { presence, cluster }: Backplane,
  user: string,
  ms: number,
  options: { readonly reason?: string | undefined; readonly notice?: unknown } = {},
): Promise<CommandResult> {
  if (!Number.isSafeInteger(ms) || ms < 0 || ms > LONGEST_BLOCK_MS) {
    const expected = `a whole number of milliseconds from 0 to ${LONGEST_BLOCK_MS} (100 years)`;
    throw new TidingsError("bad_request", `ms: expected ${expected}`);
  }
  // The block first: a login that comes after it is refused, one that came before it is found.
  await presence.block(user, ms);
  if (ms === 0) return { connections: 0, unconfirmed: 0 };
  const { reason, notice } = options;
  return cluster.command({ kind: "kick", cause: "blocked", user, reason, notice });
}

const LONGEST_BLOCK_MS = 3_153_600_000_000;

/** Field of a join command; none for a rewind that says nothing. */
const startOf = (rewind: Rewind = {}): { readonly rewind?: Rewind } =>
  rewind.last === undefined && rewind.since === undefined ? {} : { rewind };
