import { useSyncExternalStore } from "react";
import type { Store } from "../stores/stores.ts";

const nothing = (): void => {};
const never = (): (() => void) => nothing;

/**
 * The snapshot of a store, and a new render after each change. The server, the hydration, and a component without a store get `idle`,
 * which has to be the same object in each render.
 */
export function useStore<Snapshot>(store: Store<Snapshot> | undefined, idle: Snapshot): Snapshot {
  const getIdle = (): Snapshot => idle;
  return useSyncExternalStore(store?.subscribe ?? never, store?.get ?? getIdle, getIdle);
}
