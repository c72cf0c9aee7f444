import type { Store } from "tidings/stores";
import { onScopeDispose, type ShallowRef, shallowRef } from "vue";

/** The snapshot of a store, as long as the component is there. */
export function useStore<Snapshot>(store: Store<Snapshot>): Readonly<ShallowRef<Snapshot>> {
  const snapshot = shallowRef(store.get());
  const read = (): void => {
    snapshot.value = store.get();
  };
  onScopeDispose(store.subscribe(read));
  read();
  return snapshot;
}
