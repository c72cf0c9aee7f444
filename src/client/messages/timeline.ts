import type { Position, PositionFrame, Push } from "../../protocol/protocol.ts";

/** Results of a timeline for the frames of its channel. */
export interface TimelineEvents {
  /** Delivers the next message. The position is at its offset already. */
  deliver(push: Push): void;
  /** Reports that messages before the next delivered one are lost. */
  lost(): void;
  /** Reports a gap between the position and the messages that arrived. The missing ones must be requested. */
  gap(): void;
}

/** Maximum number of messages held during a gap. The replay that fills the gap repeats those beyond it. */
export const HOLD_LIMIT = 1_000;

/** Epoch of a position that comes from a message, which carries none. */
const UNKNOWN = "";

/** In-order delivery of one channel: each stored message once, in the order of the offsets, or `lost` is reported. */
export class Timeline {
  readonly #events: TimelineEvents;
  #position: Position | undefined;
  /** True when the login had no room for the position, until the server continues from it. */
  #isLeftOut = false;
  /** Last offset of a gap that the server told of. Messages up to here are missing. */
  #gapEnd = 0;
  /** The position that the login named, until the server's first position. */
  #loginPosition: Position | undefined;
  /** Without a push: a stored message that is not for this connection. The server sends a position in its place. */
  readonly #held = new Map<number, Push | undefined>();

  constructor(events: TimelineEvents, position?: Position) {
    this.#events = events;
    this.#position = position && { ...position };
  }

  /** Undefined until a `position` frame arrived. */
  get position(): Position | undefined {
    return this.#position && this.#position.epoch !== UNKNOWN ? { ...this.#position } : undefined;
  }

  get hasGap(): boolean {
    return this.#held.size > 0 || this.#gapEnd > (this.#position?.offset ?? 0);
  }

  /**
   * Begins a login.
   * @param isNamed false when the login has no room for the position: the server may continue from another one until it
   * learns this one
   */
  login(isNamed = true): void {
    this.#isLeftOut = !isNamed;
    this.#loginPosition = this.position;
  }

  receive(push: Push, offset: number): void {
    if (this.#position) {
      this.#take(offset, push);
    } else {
      this.#position = { epoch: UNKNOWN, offset };
      this.#events.deliver(push);
    }
  }

  /**
   * Continues from a `position` frame. Within an epoch the position never goes back, because replies cross with live
   * messages and a replay repeats delivered ones.
   */
  move({ epoch, offset, recovered, missed }: PositionFrame): void {
    const position = this.#position;
    if (position?.epoch === UNKNOWN) position.epoch = epoch;
    const named = this.#loginPosition;
    const mayMiss = missed ?? (recovered && this.#isLeftOut);
    // The server lost the end of a history but kept its epoch, so that it assigns those offsets again. Only the first
    // position after a login means that. A lower position later is a late reply to an earlier request.
    // `missed: false`: nothing is missing between the position and a later one.
    const isAhead = named?.epoch === epoch && offset < named.offset;
    if (position && mayMiss) this.#missed(position, epoch, offset);
    else if (
      position?.epoch !== epoch ||
      (recovered ? missed === false && offset > position.offset : isAhead)
    )
      this.#restart({ epoch, offset }, recovered);
    else if (recovered) this.#take(offset);
    else if (offset > position.offset) this.#jump(position, offset);
    this.#loginPosition = undefined;
  }

  /** Skips the missing messages and continues with the first held one. */
  giveUp(): void {
    if (this.#position && this.hasGap) {
      this.#jump(this.#position, this.#held.size > 0 ? Math.min(...this.#held.keys()) - 1 : this.#gapEnd);
    }
  }

  /** Discards the held messages. The recovery on the next connection repeats them. */
  disconnected(): void {
    this.#held.clear();
    this.#gapEnd = 0;
  }

  /** Opens a gap up to an offset, which may be missing as well. Without its epoch everything of the history is missing. */
  #missed(position: Position, epoch: string, offset: number): void {
    if (position.epoch !== epoch) this.#restart({ epoch, offset: 0 });
    this.#isLeftOut &&= offset > position.offset;
    const opensGap = !this.hasGap;
    this.#gapEnd = Math.max(this.#gapEnd, offset);
    if (opensGap && this.hasGap) this.#events.gap();
  }

  /**
   * Applies a message or a skipped offset. A skipped offset more than one ahead is a gap as well, because the server
   * does not know which messages it dropped before it.
   */
  #take(offset: number, push?: Push): void {
    const position = this.#position;
    if (!position || offset <= position.offset) return;
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

  #advance(position: Position, offset: number, push?: Push): void {
    position.offset = offset;
    position.id = push?.id;
    this.#held.delete(offset);
    if (push) this.#events.deliver(push);
  }

  #hold(offset: number, push: Push | undefined): void {
    const opensGap = !this.hasGap;
    if (this.#held.size < HOLD_LIMIT) this.#held.set(offset, push);
    if (opensGap) this.#events.gap();
  }

  #release(position: Position): void {
    for (let next = position.offset + 1; this.#held.has(next); next++) {
      this.#advance(position, next, this.#held.get(next));
    }
  }

  #restart(position: Position, recovered?: boolean): void {
    this.disconnected();
    this.#position = position;
    if (!recovered) this.#events.lost();
  }

  /**
   * Moves ahead when the history no longer reaches back to the position. Held messages up to the offset are delivered,
   * and each hole between them is reported as lost.
   */
  #jump(position: Position, offset: number): void {
    for (const held of [...this.#held.keys()].sort((one, other) => one - other)) {
      if (held > offset) break;
      if (held > position.offset + 1) this.#events.lost();
      this.#advance(position, held, this.#held.get(held));
    }
    if (offset > position.offset) {
      this.#events.lost();
      this.#advance(position, offset);
    }
    this.#release(position);
  }
}
