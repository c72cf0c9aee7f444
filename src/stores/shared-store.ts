import type { Unsubscribe } from "../client/client.ts";
import { Snapshots, type Store } from "./snapshots.ts";
import type { StoreClient } from "./store-client.ts";

/** The time from the first subscription to the last one, for one user. */
export interface Run<Snapshot> {
  /** Aborted at the end. */
  readonly signal: AbortSignal;
  get(): Snapshot;
  /** Replaces the snapshot and tells the listeners. No effect after the end. */
  set(snapshot: Snapshot): void;
  /** Replaces some fields of the snapshot, if any of them differs. */
  change(fields: Partial<Snapshot>): void;
  /** Calls the undo at the end. */
  onEnd(undo: () => void): void;
}

export interface SharedStoreOptions<Snapshot> {
  readonly client: StoreClient;
  /** Value of a store that nobody watches. */
  readonly initial: Snapshot;
  /** Begins to follow the client. */
  start(run: Run<Snapshot>): void;
}

/**
 * A store goes on for this time after its last subscription, in milliseconds. Components that are taken out and put back, by
 * React's strict mode or by a change of the page, cost no second request.
 */
const LINGER_MS = 500;

/** A store that follows its client while somebody watches. */
export class SharedStore<Snapshot> implements Store<Snapshot> {
  readonly #options: SharedStoreOptions<Snapshot>;
  readonly #snapshots: Snapshots<Snapshot>;
  #end: (() => void) | undefined;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SharedStoreOptions<Snapshot>) {
    this.#options = options;
    this.#snapshots = new Snapshots(options.initial);
    this.get = this.#snapshots.get;
  }

  readonly get: () => Snapshot;

  readonly subscribe = (listener: () => void): Unsubscribe => {
    const remove = this.#snapshots.subscribe(listener);
    clearTimeout(this.#lingering);
    if (!this.#end) this.#start();
    return () => {
      remove();
      clearTimeout(this.#lingering);
      if (this.#snapshots.count === 0) this.#lingering = setTimeout(() => this.#stop(), LINGER_MS);
    };
  };

  #start(): void {
    const { client, start } = this.#options;
    const ending = new AbortController();
    const undos: (() => void)[] = [];
    this.#end = () => {
      ending.abort();
      for (const undo of undos) undo();
    };
    const { signal } = ending;
    const set = (snapshot: Snapshot): void => {
      if (!signal.aborted) this.#snapshots.set(snapshot);
    };
    let { user } = client;
    const isOther = client.onStatus((status) => {
      if (status.type !== "open") return;
      const { welcome } = status;
      // A token function may log in somebody else, who must not see what is here.
      if (user !== undefined && user !== welcome.user) this.#restart();
      user = welcome.user;
    });
    undos.push(isOther);
    start({
      signal,
      get: this.get,
      set,
      change: (fields) => {
        const before = this.get();
        const names = Object.keys(fields) as (keyof Snapshot)[]; // of a literal
        if (names.some((name) => !Object.is(fields[name], before[name]))) set({ ...before, ...fields });
      },
      onEnd: (undo) => void undos.push(undo),
    });
  }

  #stop(): void {
    this.#end?.();
    this.#end = undefined;
    this.#snapshots.set(this.#options.initial);
  }

  #restart(): void {
    this.#stop();
    this.#start();
  }
}

/** Stores of each client by their names. What nobody watches or holds may be collected. */
const stores = new WeakMap<object, Map<string, WeakRef<object>>>();

/**
 * Finds the store with a name, or makes it: components that want the same share one. The name says which kind of store it is, and
 * holds all its options.
 */
export function shared<Shared extends object>(
  client: object,
  name: readonly unknown[],
  make: () => Shared,
): Shared {
  const ofClient = stores.get(client) ?? new Map<string, WeakRef<object>>();
  stores.set(client, ofClient);
  const key = JSON.stringify(name);
  const found = ofClient.get(key)?.deref();
  if (found) return found as Shared; // the name says which kind
  for (const [other, ref] of ofClient) if (!ref.deref()) ofClient.delete(other);
  const made = make();
  ofClient.set(key, new WeakRef(made));
  return made;
}
