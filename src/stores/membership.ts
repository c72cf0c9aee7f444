import { insist } from "./insist.ts";
import type { Run } from "./shared-store.ts";
import type { StoreClient } from "./store-client.ts";

/** A group that stores joined. */
interface Membership {
  /** Stores that want it. */
  count: number;
  /** Aborted when none does any more. */
  readonly ending: AbortController;
  joined: Promise<unknown>;
}

const memberships = new WeakMap<StoreClient, Map<string, Membership>>();

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
  const known = groups.get(group);
  const membership = known ?? { count: 0, ending: new AbortController(), joined: Promise.resolve() };
  groups.set(group, membership);
  membership.count++;
  const { signal } = membership.ending;
  if (!known || data !== undefined)
    membership.joined = insist(client, signal, () => client.join(group, { data, signal }));
  run.onEnd(() => {
    if (--membership.count > 0) return;
    membership.ending.abort();
    groups.delete(group);
    // A closed client has left it.
    if (client.state !== "closed") client.leave(group).catch(() => {});
  });
  await membership.joined;
}
