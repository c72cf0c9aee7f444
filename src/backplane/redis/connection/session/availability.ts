import { TidingsError } from "../../../protocol/protocol.ts";

type State = "new" | "unavailable" | "up" | "stopped";

/**
 * Tells whether Redis is available to this node: from `new` to `unavailable` and `up`, again with each outage, and at
 * last to `stopped`.
 */
export class Availability {
  readonly #listeners: (() => void)[] = [];
  readonly #onOutage: (error: unknown) => void;
  #state: State = "new";
  #endStart: () => void = () => {};
  #isReported = false;

  /** @param onOutage called with the first failure of each outage */
  constructor(onOutage: (error: unknown) => void) {
    this.#onOutage = onOutage;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** @throws TidingsError `unavailable` */
  assertUp(): void {
    if (this.#state !== "up") throw this.error();
  }

  /** Calls a function at the beginning of each outage, and when a node that is up stops. */
  onUnavailable(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Resolves when Redis is available for the first time, however long that takes; rejects when the node is stopped
   * before.
   */
  start(): Promise<void> {
    this.#state = "unavailable";
    return new Promise<void>((resolve, reject) => {
      this.#endStart = () => (this.isUp ? resolve() : reject(this.error()));
    });
  }

  becomeUp(): void {
    this.#state = "up";
    this.#isReported = false;
    this.#endStart();
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
    this.#endStart();
    return wasUp;
  }

  /** Reports a failure, unless one of this outage was reported already. */
  reportOutage(error: unknown): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#onOutage(error);
  }

  error(): TidingsError {
    const reasons = {
      new: "has not been started",
      unavailable: "is unavailable",
      up: "is unavailable",
      stopped: "was stopped",
    };
    return new TidingsError("unavailable", `the backplane ${reasons[this.#state]}`);
  }
}
