import { type Batch, isNew, Pending, PIECE_BYTES, pieceEnd } from "./pending.ts";
import type { Slab } from "./slab.ts";
import type { Parked } from "./slow/parked.ts";
import type { OutboxLimits, SlowCounts } from "./slow/policy.ts";
import { release, type Waiter } from "./slow/waiters.ts";

export type { OutboxLimits, SlowCounts, SlowPolicy } from "./slow/policy.ts";

/** Part of a `net.Socket` that the outbox and the heartbeat use. */
export interface ByteStream {
  write(bytes: Uint8Array, written?: (error?: Error | null) => void): boolean;
  /** Collects writes until `uncork`. */
  cork(): void;
  uncork(): void;
  /** Bytes accepted by `write` that the kernel has not taken yet. */
  readonly writableLength: number;
  /** Bytes received so far. */
  readonly bytesRead: number;
  /** Bytes received and not read. */
  readonly readableLength: number;
}

/**
 * Answer of `enqueue`. `waiting`: the frame is queued if the queue drains within the wait time. `overflow`: the policy
 * demands that the caller closes the connection. The outbox never throws and never closes by itself.
 */
export type Verdict = "queued" | "dropped" | "waiting" | "overflow" | "closed";

/** The shard of an outbox, as the outbox uses it. */
export interface OutboxOwner<Holder = unknown> {
  readonly limits: OutboxLimits;
  readonly slow: SlowCounts;
  readonly slab: Slab;
  /** Makes the shard call `flush` at the end of the tick. */
  schedule(outbox: Outbox): void;
  /** Makes the flusher call `flush` before its turn has come, when the tick takes long. The outbox is scheduled. */
  hurry(outbox: Outbox): void;
  /** Queues the messages of this tick that are posted but not queued yet. */
  enqueuePosted(): void;
  /** Counts the bytes of an outbox whose socket has not taken all of them, until it has. */
  lag(outbox: Outbox): void;
  /** Called when an outbox has become busy or idle, or has closed, with whose outbox it is. */
  changed(holder: Holder): void;
}

/** Empty list, one object for all connections: lists that grow from one object by equal frames stay one object. */
export const EMPTY: Pending = new Pending();

/** Shared empty array, for lists that almost no connection needs. */
const NONE: readonly never[] = [];

/**
 * `idle`: nothing to write. `due`: writes at the end of the tick, or when a broadcast that takes many turns comes to it. `begun`: has written early, and
 * is `due` too. `ahead`: is `due`, and goes first if the tick takes long.
 */
type Tick = "idle" | "due" | "begun" | "ahead";

/**
 * Send queue of a connection, bounded in messages and bytes. Frames collect during a tick and leave in one write. While
 * the socket keeps up, no frame meets the bounds, because the outbox then writes a full queue at once.
 */
export class Outbox<Owner extends OutboxOwner<Holder> = OutboxOwner, Holder = unknown> {
  readonly owner: Owner;
  readonly #stream: ByteStream;
  readonly #holder: Holder;
  #pending: Pending = EMPTY;
  /** Frames taken from the queue that the busy socket has not accepted yet. */
  #leaving: readonly Buffer[] = NONE;
  #tick: Tick = "idle";
  #closed = false;
  /** Frames beyond the bounds that wait for room under the policy `wait`, oldest first. */
  #parked: readonly Parked[] = NONE;
  #parkedTimer: NodeJS.Timeout | undefined;
  #waiters: readonly Waiter[] = NONE;
  /** When a busy socket last accepted a piece, by the monotonic clock; 0 while it accepts everything. */
  stalledSince = 0;

  /** @param holder whose outbox it is, which the owner hears with each change */
  constructor(owner: Owner, stream: ByteStream, holder: Holder) {
    this.owner = owner;
    this.#stream = stream;
    this.#holder = holder;
  }

  get pendingMessages(): number {
    return this.#leaving.length + this.#pending.count + this.#parked.length;
  }

  get pendingBytes(): number {
    return this.#leaving.reduce((bytes, frame) => bytes + frame.length, this.#pending.bytes);
  }

  /** Bytes that the kernel has not taken: those of the send queue, and those of the socket. */
  get unsentBytes(): number {
    if (this.#closed) return 0;
    const parked = this.#parked.reduce((bytes, { frame }) => bytes + frame.length, 0);
    return this.pendingBytes + parked + this.#stream.writableLength;
  }

  /** Unsent bytes without the frames that other connections share and have counted. @param seen frames, lists */
  distinctBytes(seen: Set<unknown>): number {
    if (this.#closed) return 0;
    let bytes = this.#stream.writableLength + this.#pending.distinctBytes(seen);
    for (const frame of this.#leaving) if (isNew(frame, seen)) bytes += frame.length;
    for (const { frame } of this.#parked) if (isNew(frame, seen)) bytes += frame.length;
    return bytes;
  }

  enqueue(frame: Buffer): Verdict {
    if (this.#closed) return "closed";
    // A frame must not overtake parked ones, even if it is small enough to fit.
    const hasRoom = this.#parked.length === 0 && (this.#hasRoom(frame) || this.#makeRoom(frame));
    if (!hasRoom) return this.#refuse(frame);
    this.#append(frame);
    return "queued";
  }

  /** Queues a batch in one step where nothing is in its way. @returns false when each of its frames has to be queued alone */
  enqueueBatch(batch: Batch): boolean {
    const { count, bytes } = this.#pending;
    const { limits } = this.owner;
    const fits = count + batch.frames.length <= limits.messages && bytes + batch.bytes <= limits.bytes;
    if (!fits || this.#closed || this.#parked.length > 0) return false;
    this.#pending = this.#pending.withAll(batch);
    this.#schedule();
    return true;
  }

  /** Queues a frame, or several in one buffer, that must not be lost, even beyond the bounds: the caller stops reading instead. */
  enqueueAnyway(frame: Buffer, messages?: number): void {
    if (!this.#closed) this.#append(frame, messages);
  }

  /** Queues a frame as {@link enqueueAnyway} does, which no broadcast holds up. */
  enqueueAhead(frame: Buffer): void {
    if (this.#closed) return;
    this.#pending = this.#pending.with(frame);
    this.hurry();
  }

  /**
   * Lets no broadcast hold the pending frames up. One to 100,000 connections takes hundreds of turns of the event loop, and a reply would wait until it comes
   * to its connection.
   */
  hurry(): void {
    if (this.#tick === "ahead" || this.stalledSince !== 0 || this.#pending.count === 0) return;
    if (this.#tick === "idle") this.owner.schedule(this);
    this.#tick = "ahead";
    this.owner.hurry(this);
  }

  enqueuePosted(): void {
    this.owner.enqueuePosted();
  }

  /** True until the tick's first write, which need not wait for the end of the tick. */
  get mayBegin(): boolean {
    return this.#tick === "due" && this.stalledSince === 0;
  }

  /** Writes all pending frames before the tick ends. Later frames of the tick leave in one write at its end. */
  begin(): void {
    this.flush();
    this.#tick = "begun";
  }

  /** Writes all pending frames, unless the socket is still busy with earlier ones. */
  flush(): void {
    this.#tick = "idle";
    const pending = this.#pending;
    if (pending.count === 0 || this.stalledSince !== 0 || this.#closed) return;
    this.#pending = EMPTY;
    if (pending.bytes <= PIECE_BYTES && !this.#isBusy()) {
      this.#stream.write(pending.join(this.owner.slab));
      if (this.#stream.writableLength > 0) {
        this.owner.slab.keep();
        this.owner.lag(this);
      }
    } else {
      this.#leaving = pending.frames();
      this.#writePieces();
      this.owner.lag(this);
    }
    if (this.stalledSince === 0) this.#waiters = release(this.#waiters);
    else for (const waiter of this.#waiters) waiter.isLeaving = true;
  }

  /**
   * Resolves when the frames that are pending now are written, or the connection is closed. Later frames do not delay it,
   * so that a consumer that stays slow keeps nobody waiting for ever.
   * @param orTimeout also when the parked frames time out. @default false
   */
  whenDrained(orTimeout = false): Promise<void> {
    const isLeaving = this.#pending.count === 0 && this.#parked.length === 0;
    // A tick that has written early may be due with nothing left to write: no flush would end the wait.
    if (this.#closed || (this.stalledSince === 0 && isLeaving)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters = [...this.#waiters, { resolve, isLeaving, orTimeout }];
    });
  }

  /** True while frames wait for room: a frame that is queued now would overtake them. */
  get isParking(): boolean {
    return this.#parked.length > 0;
  }

  /** Adds a function that is called when the frame that was parked last times out. */
  onParkedDropped(dropped: () => void): void {
    this.#parked.at(-1)?.dropped.push(dropped);
  }

  /** True while the pending frames reach a bound: stop reading requests. */
  get isFull(): boolean {
    return (
      this.#pending.count >= this.owner.limits.messages || this.#pending.bytes >= this.owner.limits.bytes
    );
  }

  /** Writes all frames, even to a busy socket, and accepts no more. */
  finish(): void {
    if (!this.#closed)
      this.#write([...this.#leaving, ...this.#pending.frames(), ...this.#parked.map(({ frame }) => frame)]);
    this.close();
  }

  /** Drops all frames and accepts no more. */
  close(): void {
    this.#closed = true;
    this.owner.changed(this.#holder);
    this.#pending = EMPTY;
    this.#leaving = NONE;
    this.#parked = NONE;
    clearTimeout(this.#parkedTimer);
    this.#waiters = release(this.#waiters);
  }

  #append(frame: Buffer, messages?: number): void {
    this.#pending = this.#pending.with(frame, messages);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#tick !== "idle" || this.stalledSince !== 0) return;
    this.#tick = "due";
    this.owner.schedule(this);
  }

  #isBusy(): boolean {
    return this.#stream.writableLength > this.owner.limits.socketBytes;
  }

  /** Writes the frames in pieces: all of them to an idle socket, else one by one as the socket accepts them. */
  #writePieces(): void {
    while (this.#leaving.length > 0) {
      const end = pieceEnd(this.#leaving);
      const piece = this.#leaving.slice(0, end);
      this.#leaving = this.#leaving.length === end ? NONE : this.#leaving.slice(end);
      if (this.#isBusy()) {
        this.stalledSince = performance.now();
        this.owner.changed(this.#holder);
        this.#write(piece, (error) => {
          // After an error the socket is about to close.
          if (!error) this.#pieceLeft();
        });
        return;
      }
      this.#write(piece);
    }
  }

  #pieceLeft(): void {
    this.stalledSince = 0;
    this.owner.changed(this.#holder);
    if (this.#closed) return;
    this.#writePieces();
    if (this.stalledSince === 0) this.#drained();
  }

  #write(frames: readonly Buffer[], written?: (error?: Error | null) => void): void {
    this.#stream.cork();
    for (const [index, frame] of frames.entries()) {
      this.#stream.write(frame, index === frames.length - 1 ? written : undefined);
    }
    this.#stream.uncork();
  }

  #hasRoom(frame: Buffer): boolean {
    const { count, bytes } = this.#pending;
    const { limits } = this.owner;
    return count === 0 || (count < limits.messages && bytes + frame.length <= limits.bytes);
  }

  #makeRoom(frame: Buffer): boolean {
    if (this.stalledSince !== 0) return false;
    const tick = this.#tick;
    this.flush();
    this.#tick = tick;
    return this.#hasRoom(frame);
  }

  #refuse(frame: Buffer): Verdict {
    const { slow, limits } = this.owner;
    const { policy, messages, waitMs } = limits;
    if (policy === "close") {
      slow.closed++;
      return "overflow";
    }
    if (policy === "drop" || this.#parked.length >= messages) {
      slow.dropped++;
      return "dropped";
    }
    slow.waited++;
    this.#parked = [...this.#parked, { frame, dropped: [] }];
    this.#parkedTimer ??= setTimeout(() => this.#timeOut(), waitMs);
    return "waiting";
  }

  #timeOut(): void {
    const parked = this.#parked;
    this.#parkedTimer = undefined;
    this.owner.slow.dropped += parked.length;
    this.#parked = NONE;
    for (const { dropped } of parked) for (const each of dropped) each();
    this.#waiters = release(this.#waiters, ({ orTimeout }) => orTimeout);
  }

  /** The busy socket has accepted all leaving frames. Those that collected meanwhile follow at once. */
  #drained(): void {
    this.#waiters = release(this.#waiters, ({ isLeaving }) => isLeaving);
    for (const { frame } of this.#parked) this.#append(frame);
    this.#parked = NONE;
    clearTimeout(this.#parkedTimer);
    this.#parkedTimer = undefined;
    const tick = this.#tick;
    this.flush();
    this.#tick = tick;
    if (this.#pending.count === 0 && this.stalledSince === 0) this.#waiters = release(this.#waiters);
  }
}
