/** The start of every queue. */
const READY: Promise<unknown> = Promise.resolve();

/**
 * Runs work one after another per key, in the order of the calls; work of different keys runs at the same time.
 * A key keeps one promise, in a WeakMap: it goes with its key, and nothing has to be cleaned up.
 */
export class SerialByKey<Key extends WeakKey> {
  readonly #last = new WeakMap<Key, Promise<unknown>>();

  /**
   * Runs work after all earlier work of its key, whether that succeeded or failed; never within this call.
   * @returns the result of this work. The caller must handle its rejection
   */
  run<Result>(key: Key, work: () => Promise<Result>): Promise<Result> {
    // Both handlers are `work`: a failure is for the caller of the work that failed, and costs no second promise here.
    const done = (this.#last.get(key) ?? READY).then(work, work);
    this.#last.set(key, done);
    return done;
  }
}
