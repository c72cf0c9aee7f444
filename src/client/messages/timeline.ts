import type { Position, PositionFrame, Push } from "../../protocol/protocol.ts";

/** What a timeline makes of what arrives. */
export interface TimelineEvents {
  /** The next message. Its offset is the position by now. */
  deliver(push: Push): void;
  /** Messages between the former position and the next message are lost. */
  lost(): void;
  /** Messages are missing between the position and what has arrived: they must be asked for. */
  gap(): void;
}

/** Messages held back while earlier ones are missing. What does not fit comes again with those asked for. */
export const HOLD_LIMIT = 1_000;

/** The epoch of a position that was learnt from a message alone, which does not tell it. */
const UNKNOWN = "";

/** Stands for a stored message that is not for this connection: the server sends a position in its place. */
const SKIPPED = Symbol("skipped");

/** The stored messages of one channel: each is delivered once, in the order of the offsets, or `lost` is told. */
export class Timeline {
  readonly #events: TimelineEvents;
  #position: Position | undefined;
  /** The position named at login, until it is answered. */
  #named: Position | undefined;
  readonly #held = new Map<number, Push | typeof SKIPPED>();

  constructor(events: TimelineEvents, position?: Position) {
    this.#events = events;
    this.#position = position && { ...position };
  }

  /** Undefined until a `position` frame has come. */
  get position(): Position | undefined {
    return this.#position && this.#position.epoch !== UNKNOWN ? { ...this.#position } : undefined;
  }

  get hasGap(): boolean {
    return this.#held.size > 0;
  }

  /** The position to name at login. */
  login(): Position | undefined {
    this.#named = this.position;
    return this.position;
  }

  receive(push: Push, offset: number): void {
    if (this.#position === undefined) {
      this.#position = { epoch: UNKNOWN, offset };
      this.#events.deliver(push);
    } else {
      this.#take(offset, push);
    }
  }

  /**
   * Goes on from a `position` frame. Within an epoch the position never goes back to what has been delivered: answers
   * cross with live messages, and replay repeats.
   */
  move({ epoch, offset, recovered }: PositionFrame): void {
    const position = this.#position;
    if (position?.epoch === UNKNOWN) position.epoch = epoch;
    if (position === undefined || position.epoch !== epoch) this.#restart({ epoch, offset }, recovered);
    else if (recovered) this.#take(offset, SKIPPED);
    else if (this.#isAheadOfHistory(epoch, offset)) this.#restart({ epoch, offset }, false);
    else if (offset > position.offset) this.#jump(position, offset);
    this.#named = undefined;
  }

  /** The missing messages will not come: goes on with the first that was held back. */
  giveUp(): void {
    if (this.#position !== undefined && this.hasGap) {
      this.#jump(this.#position, Math.min(...this.#held.keys()) - 1);
    }
  }

  /** What was held back comes again with the resume on the next connection. */
  disconnected(): void {
    this.#held.clear();
  }

  /**
   * A position more than one ahead is a gap like that before a message: the server does not know which
   * messages it dropped before it.
   */
  #take(offset: number, push: Push | typeof SKIPPED): void {
    const position = this.#position;
    if (position === undefined || offset <= position.offset) return;
    if (offset === position.offset + 1) {
      this.#advance(position, offset, push);
      this.#release(position);
    } else if (position.epoch === UNKNOWN) {
      this.#events.lost();
      this.#advance(position, offset, push);
    } else {
      this.#hold(offset, push);
    }
  }

  #advance(position: Position, offset: number, push: Push | typeof SKIPPED | undefined): void {
    position.offset = offset;
    this.#held.delete(offset);
    if (typeof push === "object") this.#events.deliver(push);
  }

  #hold(offset: number, push: Push | typeof SKIPPED): void {
    const opens = !this.hasGap;
    if (this.#held.size < HOLD_LIMIT) this.#held.set(offset, push);
    if (opens) this.#events.gap();
  }

  #release(position: Position): void {
    for (let next = position.offset + 1; this.#held.has(next); next++) {
      this.#advance(position, next, this.#held.get(next));
    }
  }

  #restart(position: Position, recovered: boolean): void {
    this.#held.clear();
    this.#position = position;
    if (!recovered) this.#events.lost();
  }

  /**
   * The history does not reach back to the position. Some of what it has lost may have been held back here: that is
   * delivered, and each hole around it told.
   */
  #jump(position: Position, offset: number): void {
    for (const held of [...this.#held.keys()].sort((one, other) => one - other)) {
      if (held > offset) break;
      if (held > position.offset + 1) this.#events.lost();
      this.#advance(position, held, this.#held.get(held));
    }
    if (offset > position.offset) this.#events.lost();
    position.offset = offset;
    this.#release(position);
  }

  /**
   * The server lost the end of a history whose epoch it kept, and gives those offsets out again. This it tells at
   * login only: later, a lower position is the late answer to an earlier question.
   */
  #isAheadOfHistory(epoch: string, offset: number): boolean {
    return this.#named !== undefined && this.#named.epoch === epoch && offset < this.#named.offset;
  }
}
