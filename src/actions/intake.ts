import type { Connection } from "../local/local.ts";

/** Work under way for one connection above which it waits: one client cannot use up the node's share. */
const MAX_WAITING_PER_CONNECTION = 32;

/** A connection that is not read for now. */
interface Held {
  /** What had been read already; those before `next` are done with. */
  readonly texts: string[];
  next: number;
  awaitsDrain: boolean;
}

/** Handles a text. @returns the work that is under way then, if any; it must not reject */
type Handle = (connection: Connection, text: string) => Promise<void> | undefined;

/**
 * Decides when a text is handled: at once, unless too much is under way for the node or for its connection, or the
 * connection does not read its replies. Then its socket is not read until there is room. One read may have brought
 * thousands of texts, so those wait here.
 */
export class Intake {
  readonly #maxWaiting: number;
  readonly #handle: Handle;
  readonly #waitingOf = new Map<Connection, number>();
  /** The longest waiting first. */
  readonly #held = new Map<Connection, Held>();
  #waiting = 0;

  constructor(maxWaiting: number, handle: Handle) {
    this.#maxWaiting = maxWaiting;
    this.#handle = handle;
  }

  /** Work under way for all connections. */
  get waiting(): number {
    return this.#waiting;
  }

  take(connection: Connection, text: string): void {
    const held = this.#held.get(connection);
    if (held !== undefined) held.texts.push(text);
    else this.#start(connection, text);
  }

  #start(connection: Connection, text: string): void {
    const work = this.#handle(connection, text);
    if (work !== undefined) this.#track(connection, work);
    if (!this.#hasRoom(connection)) this.#hold(connection, { texts: [], next: 0, awaitsDrain: false });
  }

  #track(connection: Connection, work: Promise<void>): void {
    this.#waitingOf.set(connection, (this.#waitingOf.get(connection) ?? 0) + 1);
    this.#waiting++;
    void work.then(() => this.#done(connection));
  }

  #done(connection: Connection): void {
    const wasFull = this.#waiting >= this.#maxWaiting;
    this.#waiting--;
    const own = (this.#waitingOf.get(connection) ?? 1) - 1;
    if (own === 0) this.#waitingOf.delete(connection);
    else this.#waitingOf.set(connection, own);
    if (wasFull) this.#resumeAll();
    else this.#resume(connection);
  }

  #hasRoom(connection: Connection): boolean {
    if (this.#waiting >= this.#maxWaiting || connection.isFull) return false;
    return (this.#waitingOf.get(connection) ?? 0) < MAX_WAITING_PER_CONNECTION;
  }

  #hold(connection: Connection, held: Held): void {
    this.#held.set(connection, held);
    connection.transport.pause();
    this.#awaitDrain(connection, held);
  }

  /** Room in the send queue is the one thing that nobody tells by himself. */
  #awaitDrain(connection: Connection, held: Held): void {
    if (held.awaitsDrain || !connection.isFull) return;
    held.awaitsDrain = true;
    void connection.whenDrained().then(() => {
      held.awaitsDrain = false;
      this.#resume(connection);
    });
  }

  #resumeAll(): void {
    // A copy: those that have to wait again move to the end.
    for (const connection of [...this.#held.keys()]) {
      if (this.#waiting >= this.#maxWaiting) return;
      this.#resume(connection);
    }
  }

  /** Goes on with what had been read already, and then with reading, as far as there is room. */
  #resume(connection: Connection): void {
    const held = this.#held.get(connection);
    if (held === undefined) return;
    if (!this.#hasRoom(connection)) {
      this.#awaitDrain(connection, held);
      return;
    }
    this.#held.delete(connection);
    // What the server has ended is not listened to any more.
    while (held.next < held.texts.length && connection.closeCause === undefined) {
      const work = this.#handle(connection, held.texts[held.next++] ?? "");
      if (work !== undefined) this.#track(connection, work);
      if (!this.#hasRoom(connection)) {
        this.#hold(connection, held);
        return;
      }
    }
    connection.transport.resume();
  }
}
