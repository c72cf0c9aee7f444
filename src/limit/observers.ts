/** Is told of decisions, for example to count them. What it throws harms no request. */
export interface RateObserver {
  /** @param route key of `perRouteRates`, pattern of the router, or `*` @param key key in the store, which names the client */
  onAllow?(route: string, key: string): void;
  onDeny?(route: string, key: string): void;
  /** Called for each failure of the store. */
  onStoreError?(error: unknown): void;
}

/** Several observers as one. The first failure of any is told as a warning of the process, once. */
export class Observers {
  readonly #observers: readonly RateObserver[];
  #hasFailed = false;

  constructor(observers: readonly RateObserver[]) {
    this.#observers = observers;
  }

  allowed(route: string, key: string): void {
    for (const observer of this.#observers) this.#call(() => observer.onAllow?.(route, key));
  }

  denied(route: string, key: string): void {
    for (const observer of this.#observers) this.#call(() => observer.onDeny?.(route, key));
  }

  storeFailed(error: unknown): void {
    for (const observer of this.#observers) this.#call(() => observer.onStoreError?.(error));
  }

  #call(tell: () => unknown): void {
    try {
      const told = tell();
      // An async function fails later.
      if (told instanceof Promise) told.catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    process.emitWarning(`an observer of a rate limiter failed, and may fail again: ${error}`);
  }
}
