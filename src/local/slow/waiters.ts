/** A caller that waits until the frames that were pending at its call are written. */
export interface Waiter {
  readonly resolve: () => void;
  /** True once those frames have left the queue for the busy socket. */
  isLeaving: boolean;
  /** True: a timeout of parked frames ends the wait as well. */
  readonly orTimeout: boolean;
}

/** Ends the waits that are over. @param isOver all are without it @returns the others */
export function release(
  waiters: readonly Waiter[],
  isOver: (waiter: Waiter) => boolean = () => true,
): readonly Waiter[] {
  if (waiters.length === 0) return waiters;
  for (const waiter of waiters) if (isOver(waiter)) waiter.resolve();
  return waiters.filter((waiter) => !isOver(waiter));
}
