import type { Unsubscribe } from "../client/client.ts";
import type { Store } from "./snapshots.ts";

/** A store as Svelte has it: `$messages` in a component, `get` and `derived` of `svelte/store`. */
export interface Readable<Value> {
  subscribe(run: (value: Value) => void): Unsubscribe;
}

/** Turns a store into one of Svelte, which calls a subscriber at once, and with the value. */
export function toReadable<Snapshot>(store: Store<Snapshot>): Readable<Snapshot> {
  return {
    subscribe(run) {
      const remove = store.subscribe(() => run(store.get()));
      run(store.get());
      return remove;
    },
  };
}
