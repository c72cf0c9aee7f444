import type { Connection } from "../local/local.ts";
import { type Backlog, InboundState } from "./inbound-state.ts";

/** Requests and messages in flight for one connection: one client must not use up the node's share. */
const MAX_IN_FLIGHT_PER_CONNECTION = 32;

/** Handles a text. @returns a promise for its work, if it is not done at once; it must not reject */
type Handle = (connection: Connection, text: string) => Promise<void> | undefined;

/**
 * Backpressure for what clients send. A text is handled at once, unless too many are in flight for the node or for its
 * connection, or the connection's send queue is full. Then its socket is paused until there is room. One read may have
 * brought thousands of texts, so those wait in the connection's backlog.
 */
export class Intake {
  readonly #maxInFlight: number;
  readonly #handle: Handle;
  /** Connections that are not read, the longest waiting first. */
  readonly #paused = new Set<Connection>();
  #inFlight = 0;

  /** @param maxInFlight requests and messages in flight on this node */
  constructor(maxInFlight: number, handle: Handle) {
    this.#maxInFlight = maxInFlight;
    this.#handle = handle;
  }

  /** Requests and messages in flight for all connections. */
  get inFlight(): number {
    return this.#inFlight;
  }

  take(connection: Connection, text: string): void {
    const backlog = connection.attachment(InboundState)?.backlog;
    if (backlog !== undefined) backlog.texts.push(text);
    else if (!this.#start(connection, text)) {
      this.#pause(connection, { texts: [], next: 0, awaitsDrain: false });
    }
  }

  /** Handles a text. @returns whether there is room for the next one */
  #start(connection: Connection, text: string): boolean {
    const work = this.#handle(connection, text);
    if (work !== undefined) this.#track(connection, work);
    return this.#hasRoom(connection);
  }

  #track(connection: Connection, work: Promise<void>): void {
    const state = connection.attached(InboundState);
    state.inFlight++;
    this.#inFlight++;
    void work.then(() => this.#done(connection, state));
  }

  #done(connection: Connection, state: InboundState): void {
    const wasFull = this.#inFlight >= this.#maxInFlight;
    this.#inFlight--;
    state.inFlight--;
    if (wasFull) this.#resumeAll();
    else this.#resume(connection);
  }

  #hasRoom(connection: Connection): boolean {
    if (this.#inFlight >= this.#maxInFlight || connection.isFull) return false;
    return (connection.attachment(InboundState)?.inFlight ?? 0) < MAX_IN_FLIGHT_PER_CONNECTION;
  }

  #pause(connection: Connection, backlog: Backlog): void {
    connection.attached(InboundState).backlog = backlog;
    this.#paused.add(connection);
    connection.pause();
    this.#awaitDrain(connection, backlog);
  }

  /** Resumes after the send queue has drained. Room of the other kinds is seen when work is done. */
  #awaitDrain(connection: Connection, backlog: Backlog): void {
    if (backlog.awaitsDrain || !connection.isFull) return;
    backlog.awaitsDrain = true;
    void connection.whenDrained().then(() => {
      backlog.awaitsDrain = false;
      this.#resume(connection);
    });
  }

  #resumeAll(): void {
    // A copy, because connections that have to wait again move to the end.
    for (const connection of [...this.#paused]) {
      if (this.#inFlight >= this.#maxInFlight) return;
      this.#resume(connection);
    }
  }

  /** Handles the backlog, and then reads on, as far as there is room. */
  #resume(connection: Connection): void {
    const state = connection.attachment(InboundState);
    const backlog = state?.backlog;
    if (state === undefined || backlog === undefined) return;
    if (!this.#hasRoom(connection)) {
      this.#awaitDrain(connection, backlog);
      return;
    }
    state.backlog = undefined;
    this.#paused.delete(connection);
    // After the server has closed a connection its texts are ignored.
    while (backlog.next < backlog.texts.length && connection.closeCause === undefined) {
      if (!this.#start(connection, backlog.texts[backlog.next++] ?? "")) {
        this.#pause(connection, backlog);
        return;
      }
    }
    connection.resume();
  }
}
