import { type Holding, type InboundBytes, ReadAhead } from "../../actions/actions.ts";
import type { CloseCause } from "../../protocol/protocol.ts";
import type { ServerSocket } from "../websocket/websocket.ts";

/** A session, as the budget of unfinished messages uses it. */
export interface Watched {
  readonly socket: ServerSocket;
  /** True until the login is accepted: everything that came before it is kept. */
  readonly isEarly: boolean;
  /** Ends the session. @param atOnce without waiting for the client's part of the closing handshake */
  end(cause: CloseCause, reason?: string, atOnce?: boolean): void;
}

/** Memory of a buffer object, for reads of a few bytes. */
const BYTES_PER_READ = 256;

/** Checks of each unfinished message within its deadline. */
const CHECKS_PER_DEADLINE = 8;

/** An unfinished message, or everything that came before the login. */
class Unfinished implements Holding {
  bytes = 0;
  /** When the message began, by the monotonic clock. */
  since = performance.now();
  readonly #session: Watched;

  constructor(session: Watched) {
    this.#session = session;
  }

  giveUp(): void {
    this.#session.end("overload", undefined, true);
  }
}

/**
 * Watches for messages that have begun and not ended, over all sockets of the node. Their bytes count in the node's
 * budget, and each has a deadline. A socket without such a message costs a comparison for each read, and no memory.
 */
export class UnfinishedMessages {
  readonly #timeoutMs: number;
  readonly #budget: InboundBytes;
  readonly #readAhead: ReadAhead;
  readonly #unfinished = new Map<Watched, Unfinished>();
  #timer: NodeJS.Timeout | undefined;

  /** @param timeoutMs deadline of a message, from its first byte to its last */
  constructor(timeoutMs: number, budget: InboundBytes) {
    this.#timeoutMs = timeoutMs;
    this.#budget = budget;
    this.#readAhead = new ReadAhead(budget);
  }

  /** Takes notice of a read. */
  received(session: Watched, bytes: number): void {
    if (session.isEarly || session.socket.isUnfinished) {
      this.#budget.add(this.#recordOf(session), bytes + BYTES_PER_READ);
    } else if (this.#unfinished.size > 0) this.forget(session);
  }

  /** Takes notice of a session that stops reading before its login is accepted. */
  paused(session: Watched): void {
    if (session.isEarly) this.#readAhead.watch(this.#recordOf(session), session.socket.stream);
  }

  /** Takes notice of a complete message: what the socket has of the next one begins now. */
  completed(session: Watched): void {
    if (session.isEarly || this.#unfinished.size === 0) return;
    const record = this.#unfinished.get(session);
    if (record === undefined) return;
    this.#budget.release(record);
    record.since = performance.now();
  }

  /** Takes notice of an accepted login: what came before it is handled now. */
  admitted(session: Watched): void {
    const record = this.#unfinished.get(session);
    if (record === undefined) return;
    this.#readAhead.forget(record);
    this.#budget.release(record);
    if (session.socket.isUnfinished) this.received(session, 0);
    else this.forget(session);
  }

  /** Forgets a session that has ended, or has no unfinished message. */
  forget(session: Watched): void {
    const record = this.#unfinished.get(session);
    if (record === undefined) return;
    this.#readAhead.forget(record);
    this.#budget.release(record);
    this.#unfinished.delete(session);
    if (this.#unfinished.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #recordOf(session: Watched): Unfinished {
    const known = this.#unfinished.get(session);
    if (known !== undefined) return known;
    const record = new Unfinished(session);
    this.#unfinished.set(session, record);
    this.#timer ??= setInterval(() => this.#checkAll(), this.#timeoutMs / CHECKS_PER_DEADLINE).unref();
    return record;
  }

  #checkAll(): void {
    const now = performance.now();
    for (const [session, record] of this.#unfinished) {
      // The login has a deadline of its own, and the client cannot finish a message that the node does not read.
      if (session.isEarly || session.socket.isPaused) record.since = now;
      else if (!session.socket.isUnfinished) this.forget(session);
      else if (now - record.since >= this.#timeoutMs) {
        session.end("timeout", `a message was not finished within ${this.#timeoutMs} ms`);
      }
    }
  }
}
