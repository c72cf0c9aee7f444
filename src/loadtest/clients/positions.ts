/** A place in the history of a channel. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** The end of a hole that is not known. */
const UNKNOWN = Number.MAX_SAFE_INTEGER;

/** What a client does with a stored message. */
export type Verdict = "take" | "repeat" | "wait";

/**
 * The position of a client on its channel, by the rules of docs/PROTOCOL.md: it takes each offset once and in order, and asks for what
 * was dropped on the way. Messages behind a hole are not kept: the replay brings them again.
 */
export class Positions {
  #position: Position | undefined;
  #isAsking = false;
  /** Highest offset that was seen behind a hole. */
  #ahead = 0;

  get position(): Position | undefined {
    return this.#position;
  }

  /** Where to ask from, when there is a hole and nothing was asked yet. It counts as asked then. */
  ask(): Position | undefined {
    const position = this.#position;
    if (position === undefined || this.#isAsking || this.#ahead <= position.offset) return undefined;
    this.#isAsking = true;
    return position;
  }

  /** The answer to {@link ask} came, or the connection broke and none will come. */
  answered(): void {
    this.#isAsking = false;
    if (this.#ahead === UNKNOWN) this.#ahead = 0;
  }

  message(offset: number): Verdict {
    const position = this.#position;
    if (position === undefined || offset === position.offset + 1) {
      this.#position = { epoch: position?.epoch ?? "", offset };
      return "take";
    }
    if (offset <= position.offset) return "repeat";
    this.#ahead = Math.max(this.#ahead, offset);
    return "wait";
  }

  /** @returns false when the server says that messages between the former position and this one are lost */
  told({
    epoch,
    offset,
    recovered,
    missed,
  }: Position & { recovered: boolean; missed?: boolean | undefined }): boolean {
    const position = this.#position;
    const isSame = position?.epoch === epoch;
    if (position === undefined || !isSame || !recovered) {
      if (missed === true && position !== undefined) this.#ahead = UNKNOWN;
      else this.#moveTo({ epoch, offset });
      return position === undefined || recovered;
    }
    if (offset <= position.offset) return true;
    // One ahead was not for this connection; more is a hole, as any difference is after a drop.
    if (missed === true || (missed === undefined && offset > position.offset + 1))
      this.#ahead = Math.max(this.#ahead, offset);
    else this.#moveTo({ epoch, offset });
    return true;
  }

  #moveTo(position: Position): void {
    this.#position = position;
  }
}
