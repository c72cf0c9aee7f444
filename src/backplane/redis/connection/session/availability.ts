import { TidingsError } from "../../../../protocol/protocol.ts";

type State = "new" | "unavailable" | "up" | "stopped";

/**
 * Tells whether Redis is available to this node: from `new` to `unavailable` and `up`, again with each outage, and at
 * last to `stopped`.
 */
export class Availability {
  readonly #listeners: (() => void)[] = [];
  readonly #upListeners: (() => void)[] = [];
  #state: State = "new";
  #start: PromiseWithResolvers<void> | undefined;
  #wasUp = false;
  #reason = "";

  get isUp(): boolean {
    return this.#state === "up";
  }

  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** True from the first success on: Redis has accepted the settings of this node. */
  get wasUp(): boolean {
    return this.#wasUp;
  }

  /** @throws TidingsError `unavailable` */
  assertUp(): void {
    if (this.#state !== "up") throw this.error();
  }

  /** Calls a function at the beginning of each outage, and when a node that is up stops. */
  onUnavailable(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Calls a function at the end of each outage, and when Redis is available for the first time. */
  onUp(listener: () => void): void {
    this.#upListeners.push(listener);
  }

  /**
   * Resolves when Redis is available for the first time, however long that takes; rejects when the node is stopped
   * before, or {@link giveUp} is called.
   */
  start(): Promise<void> {
    this.#state = "unavailable";
    this.#start = Promise.withResolvers();
    return this.#start.promise;
  }

  becomeUp(): void {
    this.#state = "up";
    this.#wasUp = true;
    this.#reason = "";
    this.#start?.resolve();
    for (const listener of this.#upListeners) listener();
  }

  /** Sets what the errors of this outage add. @param reason without secrets and addresses: clients see it */
  because(reason: string): void {
    this.#reason = `: ${reason}`;
  }

  /** Ends a start that cannot succeed. */
  giveUp(error: TidingsError): void {
    this.#state = "stopped";
    this.#start?.reject(error);
  }

  becomeUnavailable(): void {
    if (this.#state !== "up") return;
    this.#state = "unavailable";
    for (const listener of this.#listeners) listener();
  }

  /** @returns whether Redis was available until now */
  stop(): boolean {
    const wasUp = this.isUp;
    this.becomeUnavailable();
    this.#state = "stopped";
    this.#start?.reject(this.error());
    return wasUp;
  }

  error(): TidingsError {
    const reasons = {
      new: "has not been started",
      unavailable: `is unavailable${this.#reason}`,
      up: "is unavailable",
      stopped: "was stopped",
    };
    return new TidingsError("unavailable", `the backplane ${reasons[this.#state]}`);
  }
}
