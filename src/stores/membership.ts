import { insist } from "./insist.ts";
import type { Run } from "./shared-store.ts";
import type { StoreClient } from "./store-client.ts";

/** A group that stores joined. */
interface Membership {
  /** User who joined; undefined before. */
  user: string | undefined;
  /** Stores that want it. */
  count: number;
  /** Aborted when none does any more. */
  readonly ending: AbortController;
  joined: Promise<unknown>;
}

const memberships = new WeakMap<StoreClient, Map<string, Membership>>();

const begun = (): Membership => ({
  ...{ user: undefined, count: 0 },
  ...{ ending: new AbortController(), joined: Promise.resolve() },
});

/**
 * Joins a group for the time of a run. The last store leaves it. A join without data would make the client forget the data of an earlier one, so
 * it shares that.
 */
export async function joinFor(
  client: StoreClient,
  run: Pick<Run<unknown>, "onEnd">,
  group: string,
  data?: unknown,
): Promise<void> {
  const groups = memberships.get(client) ?? new Map<string, Membership>();
  memberships.set(client, groups);
  const end = ({ ending }: Membership): void => {
    ending.abort();
    groups.delete(group);
    // A closed client has left it.
    if (client.state !== "closed") client.leave(group).catch(() => {});
  };
  const found = groups.get(group);
  // Another user has logged in, who has nothing to do with the membership and its data. Its other stores begin anew as well.
  const isFormer = found?.user !== undefined && found.user !== client.user;
  if (isFormer) end(found);
  const known = isFormer ? undefined : found;
  const membership = known ?? begun();
  groups.set(group, membership);
  membership.count++;
  const { signal } = membership.ending;
  if (!known || data !== undefined)
    membership.joined = insist(client, signal, () => {
      membership.user = client.user;
      return client.join(group, { data, signal });
    });
  run.onEnd(() => {
    if (--membership.count === 0 && groups.get(group) === membership) end(membership);
  });
  await membership.joined;
}
