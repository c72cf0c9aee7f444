import {
  isNotice,
  type Push,
  Subscriptions,
  TidingsError,
  type Unsubscribe,
} from "../../protocol/protocol.ts";
import type { Timers } from "../connection/timers.ts";

/** The type under which a listener gets messages of all types. */
export const EVERY_TYPE = "*";

type Listener = (message: Push) => unknown;

export interface MessageListenersOptions {
  readonly timers: Timers;
  /** Time for the promises of the listeners of a message, in milliseconds. */
  readonly timeoutMs: number;
  readonly failed: (error: unknown) => void;
  /** Called when no listener came for a stored message. */
  readonly unhandled: (message: Push) => void;
}

/** A stored message that waits for its first listener. */
interface Kept {
  readonly message: Push;
  readonly resolve: (handling: Promise<unknown> | undefined) => void;
}

/** Further calls of a listener with one message while its promise rejects. */
const MORE_TRIES = 2;
/** Delay before each of them. */
const RETRY_MS = 500;

const MAX_KEPT = 1_000;
const KEPT_MS = 60_000;

/** Message listeners by type. A listener that fails does not affect the others. */
export class MessageListeners {
  readonly #options: MessageListenersOptions;
  readonly #byType = new Map<string, Subscriptions<Listener>>();
  #kept: Kept[] = [];
  #hasNew = false;

  constructor(options: MessageListenersOptions) {
    this.#options = options;
  }

  /** Adds a listener. It gets the kept messages after the present task, or before the next message. */
  add(type: string, listener: Listener): Unsubscribe {
    const subscriptions = this.#byType.get(type) ?? new Subscriptions();
    this.#byType.set(type, subscriptions);
    this.#hasNew = true;
    queueMicrotask(() => this.#flush());
    return subscriptions.add(listener);
  }

  /** Removes all listeners. */
  clear(): void {
    this.#byType.clear();
  }

  /**
   * Calls the listeners of the message's type, then those of every type. A stored message without listeners is kept.
   * @returns undefined when all have ended, otherwise a promise that resolves when they have
   */
  dispatch(message: Push): Promise<unknown> | undefined {
    this.#flush();
    const listeners = this.#of(message);
    // An application that shows no edits needs no notices of them.
    if (!listeners[0] && message.offset !== undefined && !isNotice(message.type)) return this.#keep(message);
    const running: Promise<void>[] = [];
    for (const { isActive, listener } of listeners) {
      if (!isActive) continue;
      try {
        const result = listener(message);
        // Any object with `then`: some libraries have promises of their own.
        if ((result as { then?: unknown } | undefined)?.then)
          running.push(this.#settle(result, listener, message));
      } catch (error) {
        this.#options.failed(error);
      }
    }
    return running[0] && this.#inTime(Promise.all(running));
  }

  #of({ type }: Push): Subscriptions<Listener>["list"] {
    const everyType = this.#byType.get(EVERY_TYPE)?.list ?? [];
    return type === EVERY_TYPE ? everyType : [...(this.#byType.get(type)?.list ?? []), ...everyType];
  }

  #keep(message: Push): Promise<unknown> {
    return new Promise((resolve) => {
      const kept = { message, resolve };
      this.#kept.push(kept);
      this.#options.timers.after(KEPT_MS, () => this.#expire(kept));
      if (this.#kept.length > MAX_KEPT) this.#expire(this.#kept[0]);
    });
  }

  #expire(kept: Kept | undefined): void {
    if (!kept || !this.#kept.includes(kept)) return;
    this.#kept = this.#kept.filter((each) => each !== kept);
    this.#options.unhandled(kept.message);
    kept.resolve(undefined);
  }

  #flush(): void {
    if (!this.#hasNew) return;
    this.#hasNew = false;
    const all = this.#kept;
    this.#kept = [];
    for (const kept of all) {
      if (this.#of(kept.message)[0]) kept.resolve(this.dispatch(kept.message));
      else this.#kept.push(kept);
    }
  }

  /** Waits for the promise of a listener. A rejection leads to further calls, but not for an ephemeral message. */
  async #settle(result: unknown, listener: Listener, message: Push): Promise<void> {
    const { timers, failed } = this.#options;
    let pending = result;
    for (let left = message.offset === undefined ? 0 : MORE_TRIES; ; left--) {
      try {
        await (pending ?? listener(message));
        return;
      } catch (error) {
        if (left === 0) return failed(error);
      }
      pending = undefined;
      await timers.pause(RETRY_MS);
    }
  }

  /** Waits no longer than the timeout for the promises of the listeners. */
  #inTime(ended: Promise<unknown>): Promise<void> {
    const { timers, timeoutMs, failed } = this.#options;
    return new Promise((resolve) => {
      const cancel = timers.after(timeoutMs, () => {
        failed(new TidingsError("timeout", `a listener took over ${timeoutMs} ms`));
        resolve();
      });
      void ended.then(cancel).then(resolve);
    });
  }
}
