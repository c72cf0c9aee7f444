import type { Channel, Welcome } from "../../protocol/protocol.ts";

/** Source of an error that has no caller to reject. */
export type ErrorStage =
  /** A listener of the application threw, or its promise rejected. */
  | "listener"
  /** The token provider threw. */
  | "token"
  /** The server refused a request that the client made by itself: a login, an acknowledgement, a rejoin. */
  | "server"
  /** A frame could not be read. */
  | "frame";

/** An event of a client other than a message or a reply. */
export type Status =
  /** An attempt to connect starts. `attempt` counts from 1 since the last connection. */
  | { readonly type: "connecting"; readonly attempt: number }
  /** The client is logged in. */
  | { readonly type: "open"; readonly welcome: Welcome }
  /** The connection ended, or an attempt failed. With `willRetry` the next attempt starts after `delayMs`. */
  | {
      readonly type: "closed";
      readonly code: number;
      readonly reason: string;
      readonly willRetry: boolean;
      readonly delayMs?: number;
    }
  /** This client lost stored messages of the channel. Later messages are in order again. */
  | { readonly type: "lost"; readonly channel: Channel }
  /** The server or the application informs the client, with a code such as `kicked` or `drain`. */
  | { readonly type: "notice"; readonly code: string; readonly message: string; readonly data?: unknown }
  /** A watched user came online or went offline. */
  | { readonly type: "presence"; readonly user: string; readonly online: boolean }
  | { readonly type: "error"; readonly stage: ErrorStage; readonly error: unknown };

/** Removes a listener. */
export type Unsubscribe = () => void;

/** Listeners of a client's statuses. */
export class StatusListeners {
  readonly #listeners = new Set<(status: Status) => void>();

  add(listener: (status: Status) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(status: Status): void {
    for (const listener of this.#listeners) {
      try {
        listener(status);
      } catch (error) {
        // Not emitted as a status: the listener that throws may be the one for errors.
        console.error("tidings: a status listener threw", error);
      }
    }
  }

  /** Reports an error that has no caller. Without listeners it goes to the console, so that it cannot vanish. */
  report(stage: ErrorStage, error: unknown): void {
    if (this.#listeners.size === 0) console.error(`tidings: ${stage} error`, error);
    else this.emit({ type: "error", stage, error });
  }
}
