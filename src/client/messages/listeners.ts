import type { Push } from "../../protocol/protocol.ts";
import type { Unsubscribe } from "../connection/status.ts";

/** The type under which a listener gets messages of all types. */
export const EVERY_TYPE = "*";

type Listener = (message: Push) => unknown;

/** Message listeners by type. A listener that fails does not affect the others. */
export class MessageListeners {
  readonly #byType = new Map<string, Set<Listener>>();
  readonly #failed: (error: unknown) => void;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  add(type: string, listener: Listener): Unsubscribe {
    const listeners = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Calls the listeners of the message's type, then those of every type. */
  dispatch(message: Push): void {
    this.#call(message.type, message);
    this.#call(EVERY_TYPE, message);
  }

  #call(type: string, message: Push): void {
    for (const listener of this.#byType.get(type) ?? []) {
      try {
        const result = listener(message);
        if (result instanceof Promise) result.catch(this.#failed);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
