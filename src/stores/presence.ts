import type { TidingsError, Unsubscribe } from "../client/client.ts";
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

/** Users to watch: some, at most 10,000, or all. Of all users the first 100 are there at the start, and others as they come and go. */
export type WatchedUsers = readonly string[] | "all";

const LOADING: Presence = { online: new Set(), state: "loading", error: undefined };

/** Presence without a client or users. */
export const NO_PRESENCE: Presence = { ...LOADING, state: "idle" };

/** Who of some users is online, as they come and go. */
export function presenceStore(client: AnyClient, users: WatchedUsers): Store<Presence> {
  const watched = users === "all" ? users : [...new Set(users)].sort();
  return shared(client, ["presence", watched], () => {
    const followed = untyped(client);
    const start = (run: Run<Presence>): void => watch(followed, run, watched);
    return new SharedStore<Presence>({ client: followed, initial: LOADING, start });
  });
}

function watch(client: StoreClient, run: Run<Presence>, users: WatchedUsers): void {
  const { signal } = run;
  const isAll = users === "all";
  const query = isAll ? ({ all: true } as const) : { users };
  const isWatched = isAll ? undefined : new Set(users);
  /** Events since the request, which are newer than its reply. Undefined while no reply is awaited. */
  let changes: Map<string, boolean> | undefined;
  let stop: Unsubscribe = () => {};
  const ask = async (): Promise<void> => {
    changes = new Map();
    try {
      const watched = await insist(client, signal, () => client.watchPresence(query, { signal }));
      stop = watched.stop;
      // The run may have ended with the reply on its way.
      if (signal.aborted) stop();
      let online: ReadonlySet<string> = new Set(Object.keys(watched.online));
      for (const [user, isOnline] of changes) online = withChange(online, user, isOnline);
      run.set({ online, state: "ready", error: undefined });
    } catch (error) {
      run.change({ state: "failed", error: error as TidingsError }); // a call rejects with nothing else
    }
    changes = undefined;
  };
  run.onEnd(
    client.onPresence(({ user, online }) => {
      if (isWatched && !isWatched.has(user)) return;
      changes?.set(user, online);
      const { state, online: before } = run.get();
      if (state === "ready" && before.has(user) !== online)
        run.change({ online: withChange(before, user, online) });
    }),
  );
  run.onEnd(
    client.onStatus(({ type }) => {
      if (type !== "open") return;
      // The client repeats a request without a reply, which then is newer than these.
      if (changes) return changes.clear();
      // Of all users the client cannot tell who has left while it was away.
      if (isAll) {
        stop();
        void ask();
      }
    }),
  );
  run.onEnd(() => stop());
  void ask();
}

function withChange(users: ReadonlySet<string>, user: string, online: boolean): ReadonlySet<string> {
  const changed = new Set(users);
  if (online) changed.add(user);
  else changed.delete(user);
  return changed;
}
