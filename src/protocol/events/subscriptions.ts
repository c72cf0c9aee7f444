/** Removes a listener. Repeated calls have no effect. */
export type Unsubscribe = () => void;

/** One subscription: a listener that is added twice has two of them. */
export interface Subscription<Listener> {
  readonly listener: Listener;
  /** False after the undo. An emit that has begun skips the listener. */
  isActive: boolean;
}

/**
 * The listeners of one event. Adding and removing replace the list, so an emit goes over the listeners that were there
 * when it began. Who is added during an emit hears the next one. An emit allocates nothing:
 *
 * ```ts
 * for (const { isActive, listener } of subscriptions.list) if (isActive) listener(event);
 * ```
 */
export class Subscriptions<Listener> {
  list: readonly Subscription<Listener>[] = [];

  /** @returns the undo of this subscription, which leaves others of the same listener alone */
  add(listener: Listener): Unsubscribe {
    const added: Subscription<Listener> = { listener, isActive: true };
    this.list = [...this.list, added];
    return () => {
      added.isActive = false;
      this.list = this.list.filter((each) => each !== added);
    };
  }
}
