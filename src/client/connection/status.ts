import {
  type AckedFrame,
  type Channel,
  type Notice,
  type Push,
  type RoomFrame,
  Subscriptions,
  type TidingsError,
  type Welcome,
} from "../../protocol/protocol.ts";

export type { Unsubscribe } from "../../protocol/protocol.ts";

/** Source of an error that has no caller to reject. */
export type ErrorStage =
  /** A listener of the application threw, its promise rejected three times, or it took longer than `listenerTimeoutMs`. */
  | "listener"
  /** The token provider threw. */
  | "token"
  /** The server refused a request that the client made by itself: a login, an acknowledgement, a rejoin. */
  | "server"
  /** A frame could not be read. */
  | "frame";

/** An event of a client other than a message, a presence event or a reply. */
export type Status =
  /** An attempt to connect starts. `attempt` counts from 1 since the last connection. */
  | { readonly type: "connecting"; readonly attempt: number }
  /** The client is logged in. */
  | { readonly type: "open"; readonly welcome: Welcome }
  /**
   * The connection ended, or an attempt failed. With `willRetry` the next attempt starts after `delayMs`. Without it the
   * session is over: `error` says why, and is absent when the application closed the client.
   */
  | {
      readonly type: "closed";
      readonly code: number;
      readonly reason: string;
      readonly willRetry: boolean;
      readonly delayMs?: number;
      readonly error?: TidingsError;
    }
  /** The application paused or disconnected the client. */
  | { readonly type: "paused" }
  /** This client lost stored messages of the channel. Later messages are in order again. */
  | { readonly type: "lost"; readonly channel: Channel }
  /** No listener was there for a stored message within 60 s, or more than 1,000 waited. It counts as handled now. */
  | { readonly type: "unhandled"; readonly message: Push }
  /** The server or the application informs the client, with a code such as `kicked` or `drain`. */
  | ({ readonly type: "notice" } & Readonly<Omit<Notice, "event">>)
  /** The receiver has acknowledged a message of this connection, sent with `ack`, after its receipt said `stored`. */
  | ({ readonly type: "acked" } & Readonly<Omit<AckedFrame, "event">>)
  /** Members of a watched group have changed. `reset`: the list begins anew with these changes. */
  | ({ readonly type: "room" } & Readonly<Omit<RoomFrame, "event">>)
  | { readonly type: "error"; readonly stage: ErrorStage; readonly error: unknown };

/** Listeners of one kind of event. A listener that throws does not affect the others. */
export class Listeners<Event> extends Subscriptions<(event: Event) => void> {
  readonly #failed: (error: unknown) => void;

  constructor(failed: (error: unknown) => void) {
    super();
    this.#failed = failed;
  }

  emit(event: Event): void {
    for (const { isActive, listener } of this.list) {
      try {
        if (isActive) listener(event);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}

/** Listeners of a client's statuses. */
export class StatusListeners extends Listeners<Status> {
  constructor() {
    // Not emitted as a status: the listener that throws may be the one for errors.
    super((error) => log("listener", error));
  }

  /** Reports an error that has no caller. Without listeners it goes to the console, so that it cannot vanish. */
  report(stage: ErrorStage, error: unknown): void {
    if (this.list.length > 0) this.emit({ type: "error", stage, error });
    else log(stage, error);
  }
}

const log = (stage: ErrorStage, error: unknown): void => console.error(`tidings: ${stage} error`, error);
