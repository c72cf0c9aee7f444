import type { Unsubscribe } from "../client/client.ts";

/** A value that changes in time: what React, Vue and Svelte need to show it. */
export interface Store<Snapshot> {
  /** The present value. It is immutable, and the same object while nothing has changed. */
  get(): Snapshot;
  /** Calls the listener after each change, without a value. @returns the undo */
  subscribe(listener: () => void): Unsubscribe;
}

/** The present snapshot and those who want to hear of the next one. Both methods work without their object. */
export class Snapshots<Snapshot> implements Store<Snapshot> {
  #snapshot: Snapshot;
  /** A listener that is added twice is called twice. */
  #subscriptions: readonly { readonly listener: () => void; isActive: boolean }[] = [];

  constructor(initial: Snapshot) {
    this.#snapshot = initial;
  }

  get count(): number {
    return this.#subscriptions.length;
  }

  readonly get = (): Snapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): Unsubscribe => {
    const subscription = { listener, isActive: true };
    this.#subscriptions = [...this.#subscriptions, subscription];
    return () => {
      subscription.isActive = false;
      this.#subscriptions = this.#subscriptions.filter((each) => each !== subscription);
    };
  };

  set(snapshot: Snapshot): void {
    if (Object.is(snapshot, this.#snapshot)) return;
    this.#snapshot = snapshot;
    for (const subscription of this.#subscriptions) {
      try {
        // A listener before this one may have removed it.
        if (subscription.isActive) subscription.listener();
      } catch (error) {
        console.error("tidings: listener error", error);
      }
    }
  }
}
