import type { Connection } from "../local/local.ts";
import type { InboundBytes } from "./inbound-bytes.ts";
import { Backlog, InboundState } from "./inbound-state.ts";
import { ReadAhead } from "./read-ahead.ts";

/** Requests and messages in flight for one connection: one client must not use up the node's share. */
const MAX_IN_FLIGHT_PER_CONNECTION = 32;

/**
 * Texts of one connection that are handled in a turn of the event loop. One read may bring a thousand: the others wait for
 * the next turn, so that a flood delays nobody else for long.
 */
const TEXTS_PER_TURN = 32;

/** Share of the node's bytes in flight that one connection may have. It may exceed it by its last text. */
const CONNECTION_SHARE = 1 / 32;

/** Memory of a short text that waits. */
const BYTES_PER_TEXT = 64;

export interface IntakeLimits {
  /** Requests and messages in flight on this node. */
  readonly texts: number;
  /** Bytes that the node holds: half of them for texts in flight, at whose end it stops reading; the rest for others. */
  readonly budget: InboundBytes;
}

/** Handles a text. @returns a promise when the work goes on after the call */
type Handle = (connection: Connection, text: string) => Promise<void> | undefined;

/**
 * Backpressure for clients. A text is handled at once, unless too many texts are in flight for the node or for the
 * connection, or the connection's send queue is full. Then the intake pauses the socket until there is room. One read
 * may have brought thousands of texts, so the rest of them wait in the connection's backlog.
 */
export class Intake {
  readonly #limits: IntakeLimits;
  readonly #handle: Handle;
  readonly #report: (error: unknown) => void;
  /** Paused connections, the longest waiting first. */
  readonly #paused = new Set<Connection>();
  readonly #readAhead: ReadAhead;
  /** Paused connections that have had their share of this turn. */
  #sated = new Set<Connection>();
  /** Number of the turn of the event loop, counted while texts arrive. */
  #turn = 1;
  #isTurnOpen = false;
  #inFlight = 0;
  #inFlightBytes = 0;

  /** @param report takes unexpected errors, for which no caller waits */
  constructor(limits: IntakeLimits, handle: Handle, report: (error: unknown) => void) {
    this.#limits = limits;
    this.#readAhead = new ReadAhead(limits.budget);
    this.#handle = handle;
    this.#report = report;
  }

  /** Requests and messages in flight for all connections. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Characters of the texts in flight. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  take(connection: Connection, text: string): void {
    const backlog = connection.attachment(InboundState)?.backlog;
    if (backlog !== undefined) this.#keep(backlog, text);
    else if (this.#isFull) {
      const kept = new Backlog(connection);
      this.#pause(connection, kept);
      this.#keep(kept, text);
    } else if (!this.#start(connection, text)) this.#pause(connection, new Backlog(connection));
  }

  #keep(backlog: Backlog, text: string): void {
    backlog.texts.push(text);
    this.#limits.budget.add(backlog, text.length + BYTES_PER_TEXT);
  }

  /** True while the node has too much in flight for another text of any connection. */
  get #isFull(): boolean {
    return this.#inFlight >= this.#limits.texts || this.#inFlightBytes >= this.#maxBytes;
  }

  get #maxBytes(): number {
    return this.#limits.budget.limit / 2;
  }

  /** Handles a text. @returns whether there is room for the next one */
  #start(connection: Connection, text: string): boolean {
    this.#countInTurn(connection.attached(InboundState));
    const work = this.#handle(connection, text);
    if (work !== undefined) this.#track(connection, work, text.length);
    return this.#hasRoom(connection);
  }

  #countInTurn(state: InboundState): void {
    if (state.turn === this.#turn) {
      state.inTurn++;
      return;
    }
    state.turn = this.#turn;
    state.inTurn = 1;
    if (this.#isTurnOpen) return;
    this.#isTurnOpen = true;
    setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    const sated = this.#sated;
    this.#sated = new Set();
    this.#isTurnOpen = false;
    this.#turn++;
    for (const connection of sated) this.#resume(connection);
  };

  #isSated({ turn, inTurn }: InboundState): boolean {
    return inTurn >= TEXTS_PER_TURN && turn === this.#turn;
  }

  #track(connection: Connection, work: Promise<void>, bytes: number): void {
    const state = connection.attached(InboundState);
    state.inFlight++;
    state.inFlightBytes += bytes;
    this.#inFlight++;
    this.#inFlightBytes += bytes;
    // One callback for both outcomes: another one would cost each request a closure more, and `catch` a promise.
    const done = (error: unknown): void => this.#done(connection, state, bytes, error);
    void work.then(done, done);
  }

  /** Never throws. @param error reason of work that was rejected; undefined when it succeeded */
  #done(connection: Connection, state: InboundState, bytes: number, error: unknown): void {
    if (error !== undefined) this.#report(error);
    const wasFull = this.#isFull;
    this.#inFlight--;
    this.#inFlightBytes -= bytes;
    state.inFlightBytes -= bytes;
    this.#left(connection, state, wasFull);
  }

  /** Frees a place of the connection. Never throws. */
  #left(connection: Connection, state: InboundState, nodeWasFull = false): void {
    state.inFlight--;
    try {
      if (nodeWasFull) this.#resumeAll();
      else this.#resume(connection);
    } catch (thrown) {
      this.#report(thrown);
    }
  }

  /**
   * Keeps the connection's place of work that was answered at its timeout and goes on. The node's place is free: a
   * handler that never ends must not keep the node from reading.
   */
  keep(connection: Connection, work: Promise<unknown>): void {
    const state = connection.attached(InboundState);
    state.inFlight++;
    const done = (): void => this.#left(connection, state);
    work.then(done, done);
  }

  /** Reads nothing more of a connection for a time. */
  rest(connection: Connection, ms: number): void {
    const state = connection.attached(InboundState);
    if (state.isResting) return;
    state.isResting = true;
    const end = (): void => {
      state.isResting = false;
      try {
        this.#resume(connection);
      } catch (thrown) {
        this.#report(thrown);
      }
    };
    setTimeout(end, ms).unref();
  }

  #hasRoom(connection: Connection): boolean {
    if (this.#isFull || connection.isFull) return false;
    const state = connection.attachment(InboundState);
    if (state === undefined) return true;
    if (state.isResting || this.#isSated(state)) return false;
    const { inFlight, inFlightBytes } = state;
    return inFlight < MAX_IN_FLIGHT_PER_CONNECTION && inFlightBytes < this.#maxBytes * CONNECTION_SHARE;
  }

  #pause(connection: Connection, backlog: Backlog): void {
    connection.attached(InboundState).backlog = backlog;
    this.#paused.add(connection);
    connection.pause();
    this.#readAhead.watch(backlog, connection.transport.stream);
    this.#awaitRoom(connection, backlog);
  }

  /**
   * Resumes in the next turn, or after the send queue has drained. When another limit is the cause, the end of work or of a
   * rest resumes.
   */
  #awaitRoom(connection: Connection, backlog: Backlog): void {
    if (this.#isSated(connection.attached(InboundState))) this.#sated.add(connection);
    if (backlog.awaitsDrain || !connection.isFull) return;
    backlog.awaitsDrain = true;
    connection
      .whenDrained()
      .then(() => {
        backlog.awaitsDrain = false;
        this.#resume(connection);
      })
      .catch(this.#report);
  }

  #resumeAll(): void {
    // A copy, because connections that must wait again move to the end.
    for (const connection of [...this.#paused]) {
      if (this.#isFull) return;
      this.#resume(connection);
    }
  }

  /** Handles the backlog as far as there is room. Resumes reading when the backlog is empty. */
  #resume(connection: Connection): void {
    const state = connection.attachment(InboundState);
    const backlog = state?.backlog;
    if (state === undefined || backlog === undefined) return;
    if (!this.#hasRoom(connection)) {
      this.#awaitRoom(connection, backlog);
      return;
    }
    state.backlog = undefined;
    this.#paused.delete(connection);
    // The texts of a connection that the server has closed are ignored.
    while (backlog.next < backlog.texts.length && connection.closeCause === undefined) {
      if (!this.#start(connection, backlog.texts[backlog.next++] ?? "")) {
        this.#pause(connection, backlog);
        return;
      }
    }
    this.#readAhead.forget(backlog);
    this.#limits.budget.release(backlog);
    connection.resume();
  }
}
