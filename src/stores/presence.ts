import type { TidingsError } from "../client/client.ts";
import { insist } from "./insist.ts";
import { type Run, SharedStore, shared } from "./shared-store.ts";
import type { Store } from "./snapshots.ts";
import { type AnyClient, type StoreClient, untyped } from "./store-client.ts";

/** Which of some users are online. */
export interface Presence {
  readonly online: ReadonlySet<string>;
  /** `idle`: without a client or users. `failed`: they cannot be watched, and `error` says why. */
  readonly state: "idle" | "loading" | "ready" | "failed";
  readonly error: TidingsError | undefined;
}

/** Users to watch: some, at most 10,000, or all. */
export type WatchedUsers = readonly string[] | "all";

const LOADING: Presence = { online: new Set(), state: "loading", error: undefined };

/** Presence without a client or users. */
export const NO_PRESENCE: Presence = { ...LOADING, state: "idle" };

/** Who of some users is online, as they come and go. */
export function presenceStore(client: AnyClient, users: WatchedUsers): Store<Presence> {
  const watched = users === "all" ? users : [...new Set(users)].sort();
  return shared(client, ["presence", watched], () => {
    const followed = untyped(client);
    const start = (run: Run<Presence>): void => void watch(followed, run, watched);
    return new SharedStore<Presence>({ client: followed, initial: LOADING, start });
  });
}

async function watch(client: StoreClient, run: Run<Presence>, users: WatchedUsers): Promise<void> {
  const { signal } = run;
  const isWatched = users === "all" ? undefined : new Set(users);
  /** Events since the request, which are newer than its reply. */
  const changes = new Map<string, boolean>();
  run.onEnd(
    client.onPresence(({ user, online }) => {
      if (isWatched && !isWatched.has(user)) return;
      const { state, online: before } = run.get();
      if (state !== "ready") changes.set(user, online);
      else if (before.has(user) !== online) run.change({ online: withChange(before, user, online) });
    }),
  );
  try {
    const query = users === "all" ? ({ all: true } as const) : { users };
    const { online, stop } = await insist(client, signal, () => client.watchPresence(query, { signal }));
    // The run may have ended with the reply on its way.
    if (signal.aborted) stop();
    run.onEnd(stop);
    let now: ReadonlySet<string> = new Set(Object.keys(online));
    for (const [user, isOnline] of changes) now = withChange(now, user, isOnline);
    run.set({ online: now, state: "ready", error: undefined });
  } catch (error) {
    run.change({ state: "failed", error: error as TidingsError }); // a call rejects with nothing else
  }
}

function withChange(users: ReadonlySet<string>, user: string, online: boolean): ReadonlySet<string> {
  const changed = new Set(users);
  if (online) changed.add(user);
  else changed.delete(user);
  return changed;
}
