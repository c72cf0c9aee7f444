const idle: Promise<unknown> = Promise.resolve();

/** Runs asynchronous tasks one after the other, in the order of the calls. */
export class Serial {
  #last = idle;

  /**
   * Runs the task when all earlier ones have ended, whether they resolved or rejected.
   * The result of the newest task is retained until the next one ends.
   * @returns the task's result, or its rejection, which later tasks never see
   */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    // One promise per task. `then` passes the earlier result, which a task without parameters ignores.
    const done = this.#last.then(task, task);
    this.#last = done;
    return done;
  }
}

/** A {@link Serial} for each key, retained only while it has tasks. */
export class SerialPerKey<Key> {
  readonly #serials = new Map<Key, { readonly serial: Serial; tasks: number }>();

  /** True while tasks of the key run or wait. */
  isBusy(key: Key): boolean {
    return this.#serials.size > 0 && this.#serials.has(key);
  }

  /** Runs the task when all earlier ones of the key have ended. @returns the task's result or rejection */
  async run<Result>(key: Key, task: () => Promise<Result>): Promise<Result> {
    const known = this.#serials.get(key) ?? { serial: new Serial(), tasks: 0 };
    this.#serials.set(key, known);
    known.tasks++;
    try {
      return await known.serial.run(task);
    } finally {
      known.tasks--;
      if (known.tasks === 0) this.#serials.delete(key);
    }
  }
}
