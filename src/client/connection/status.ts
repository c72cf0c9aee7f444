import type { Channel, Welcome } from "../../protocol/protocol.ts";

/** Where an error came from that has no caller to be thrown at. */
export type ErrorStage =
  /** A listener of the application threw, or the promise it returned rejected. */
  | "listener"
  /** The token provider threw. */
  | "token"
  /** The server refused what the client did by itself: a login, an acknowledgement, rejoining a group. */
  | "server"
  /** A frame could not be read. */
  | "frame";

/** Everything that happens to a client besides messages and replies. */
export type Status =
  /** An attempt starts; `attempt` counts from 1 since the last connection. */
  | { readonly type: "connecting"; readonly attempt: number }
  /** Logged in. */
  | { readonly type: "open"; readonly welcome: Welcome }
  /** The connection ended or could not be made. With `willRetry`, the next attempt comes after `delayMs`. */
  | {
      readonly type: "closed";
      readonly code: number;
      readonly reason: string;
      readonly willRetry: boolean;
      readonly delayMs?: number;
    }
  /** Stored messages of the channel are lost to this client; what follows is in order again. */
  | { readonly type: "lost"; readonly channel: Channel }
  /** The server or the application has something to say, such as `kicked` or `drain`. */
  | { readonly type: "notice"; readonly code: string; readonly message: string; readonly data?: unknown }
  /** A watched user came or went. */
  | { readonly type: "presence"; readonly user: string; readonly online: boolean }
  | { readonly type: "error"; readonly stage: ErrorStage; readonly error: unknown };

/** Takes a listener back. */
export type Unsubscribe = () => void;

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
        // Told to nobody else: the one who listens for errors may be the one who throws.
        console.error("tidings: a status listener threw", error);
      }
    }
  }

  /** An error that has no caller. It cannot vanish: without listeners it goes to the console. */
  report(stage: ErrorStage, error: unknown): void {
    if (this.#listeners.size === 0) console.error(`tidings: ${stage} error`, error);
    else this.emit({ type: "error", stage, error });
  }
}
