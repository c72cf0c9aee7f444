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
