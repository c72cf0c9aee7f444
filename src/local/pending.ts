import type { Slab } from "./slab.ts";

/**
 * Frames for a connection's next write, as a list that connections share: appending the same frame to the same list
 * gives the same object. After a fan-out to 1,000 idle connections all of them point to one list. So appending
 * allocates nothing, lists compare by identity, and their bytes are joined once.
 */
export class Pending {
  readonly count: number;
  readonly bytes: number;
  readonly #before: Pending | undefined;
  readonly #frame: Buffer;
  #next: Pending | undefined;
  #shared = false;
  #joined: Buffer | undefined;

  /** @param messages frames that are in the buffer */
  constructor(before?: Pending, frame: Buffer = NOTHING, messages = 1) {
    this.#before = before;
    this.#frame = frame;
    this.count = before === undefined ? 0 : before.count + messages;
    this.bytes = before === undefined ? 0 : before.bytes + frame.length;
  }

  /**
   * Returns the list with one more frame. Caches the last answer: a fan-out asks for it once per connection.
   * @param messages frames that are in the buffer
   */
  with(frame: Buffer, messages?: number): Pending {
    const next = this.#next;
    if (next !== undefined && next.#frame === frame) {
      next.#shared = true;
      return next;
    }
    this.#next = new Pending(this, frame, messages);
    return this.#next;
  }

  /** Returns the list with the frames of a batch, in one step for all but the first of the connections with this list. */
  withAll(batch: Batch): Pending {
    if (batch.before === this && batch.after !== undefined) {
      batch.after.#shared = true;
      return batch.after;
    }
    let list: Pending = this;
    for (const frame of batch.frames) list = list.with(frame);
    batch.before = this;
    batch.after = list;
    return list;
  }

  /** Clears the cached answer, so that its frames can be collected. */
  clearCache(): void {
    this.#next = undefined;
  }

  /** Joins all frames in one buffer: cached when several connections share the list, else in the slab. */
  join(slab: Slab): Buffer {
    const before = this.#before;
    if (before !== undefined && before.#before === undefined) return this.#frame;
    if (this.#joined !== undefined) return this.#joined;
    if (!this.#shared) return this.#copyTo(slab.take(this.bytes));
    this.#joined = this.#copyTo(Buffer.allocUnsafe(this.bytes));
    return this.#joined;
  }

  /** Frames in the order in which they were appended. */
  frames(): Buffer[] {
    const frames: Buffer[] = [];
    let node: Pending = this;
    while (node.#before !== undefined) {
      frames.push(node.#frame);
      node = node.#before;
    }
    return frames.reverse();
  }

  /** Bytes of the frames that were not seen in another list. @param seen frames, and lists that were counted */
  distinctBytes(seen: Set<unknown>): number {
    let bytes = 0;
    let node: Pending = this;
    while (node.#before !== undefined && isNew(node, seen)) {
      if (isNew(node.#frame, seen)) bytes += node.#frame.length;
      node = node.#before;
    }
    return bytes;
  }

  #copyTo(target: Buffer): Buffer {
    let end = this.bytes;
    let node: Pending = this;
    while (node.#before !== undefined) {
      end -= node.#frame.length;
      target.set(node.#frame, end);
      node = node.#before;
    }
    return target;
  }
}

/** Frames of one tick for the same connections. It remembers the last list to which it was appended, and the list that it gave. */
export class Batch {
  readonly frames: readonly Buffer[];
  readonly bytes: number;
  before: Pending | undefined;
  after: Pending | undefined;

  constructor(frames: readonly Buffer[]) {
    this.frames = frames;
    this.bytes = frames.reduce((bytes, frame) => bytes + frame.length, 0);
  }
}

/** Adds a value to those that were seen. @returns false when it is among them */
export function isNew(value: unknown, seen: Set<unknown>): boolean {
  const { size } = seen;
  return seen.add(value).size > size;
}

const NOTHING = Buffer.alloc(0);

/** Bytes per write to a busy socket. Each accepted piece counts as progress for the write timeout. */
export const PIECE_BYTES = 256 * 1024;

/** Number of frames in a piece: at least one, because a frame is never cut. */
export function pieceEnd(frames: readonly Buffer[]): number {
  let bytes = 0;
  const end = frames.findIndex((frame) => {
    bytes += frame.length;
    return bytes > PIECE_BYTES;
  });
  return end === -1 ? frames.length : Math.max(end, 1);
}
