import { setTimeout as sleep } from "node:timers/promises";
import { type Channel, type Position, TidingsError } from "../../../protocol/protocol.ts";
import type { LocalNode } from "../../local-node.ts";
import type { StoredMessage } from "../../message.ts";
import { NOBODY, type Reached } from "../../port.ts";
import type { Bus } from "../bus/bus.ts";
import { type Connection, forEachConcurrently } from "../connection/connection.ts";
import type { Delivered, Histories } from "../history/histories.ts";
import { PartitionMoving } from "../partitions/partitions.ts";
import { LINE, lineOf } from "../wire/lines.ts";
import { decodeStored } from "../wire/stored-line.ts";
import { AwaitingOffsets } from "./awaiting-offsets.ts";
import { KnownPositions } from "./known.ts";

/** Messages per read while a gap is filled. */
const PAGE = 500;
/** Pause before a gap is filled again after a failure. */
const REFILL_MS = 1_000;
/** Time in which a message arrives after it was stored, unless it was lost. */
const OVERDUE_MS = 1_000;
const LENGTHS_OPENING = lineOf(LINE.lengths, "");
/** Fields that open a line `LINE.stored`: its kind. */
const STORED_FIELDS = 1;

/** How far a channel has been delivered on this node. */
interface Progress {
  epoch: string;
  offset: number;
  /** Id of the message at that offset, if known. */
  id: string | undefined;
  /** The gap that is being filled. */
  gap: Gap | undefined;
}

/** Messages before an offset that are read from the history. Messages that arrive meanwhile extend the gap. */
interface Gap {
  to: number;
  /** Resolves when all messages up to there were delivered or are known to be lost. */
  filled: Promise<void>;
}

export interface ReceiverParts {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly histories: Histories;
  /** Positions of the messages that this node has confirmed to their senders. */
  readonly confirmed: () => Iterable<[Channel, Delivered]>;
  /** True if this node has members of the channel, or listens to it. */
  readonly hears: (channel: Channel) => boolean;
  /**
   * Called for each message that arrived, with the local connections that it reached.
   * @param isOrdered true when it took the same way as the lines of the bus, so that no line sent before it comes later
   */
  readonly onDelivered: (message: StoredMessage, here: Reached, isOrdered: boolean) => void;
  /** Called when messages of a channel cannot be delivered now: their appends must not wait for the delivery. */
  readonly onUndelivered: (channel: Channel) => void;
}

/**
 * In-order delivery of stored messages on this node: each channel by its offsets, each message once. The steps:
 * 1. A line `stored` or `awaiting` brings messages without offsets (published by AppendQueue, append/append.ts).
 * 2. A line `lengths` follows at once, or a line `offsets` later (awaiting-offsets.ts): only now the messages have
 *    offsets.
 * 3. `#arrived` compares the offset with the channel's progress: the next one is delivered, a delivered one is ignored.
 * 4. A gap means that Pub/Sub lost messages while the node was not subscribed: `#fill` reads and delivers them from the
 *    history.
 * 5. Each message, delivered or not, is reported to `onDelivered` or `onUndelivered`: this node's own append may wait
 *    for it.
 */
export class Receiver {
  readonly #parts: ReceiverParts;
  readonly #progress = new Map<Channel, Progress>();
  readonly #known: KnownPositions;
  /** The line of stored messages that arrived last; the line of their lengths comes next. */
  #stored = "";
  /** Messages whose sender sends the offsets later. */
  readonly #awaiting = new AwaitingOffsets((channels, held) =>
    this.#background(this.#readOverdue(channels, held)),
  );

  constructor(parts: ReceiverParts) {
    const { bus } = parts;
    this.#parts = parts;
    this.#known = new KnownPositions({ confirmed: parts.confirmed, delivered: () => this.#progress });
    bus.onLine(LINE.stored, (line) => {
      this.#stored = line;
      return 0;
    });
    bus.onLine(LINE.lengths, (line) => this.#lengthsArrived(line));
    bus.onLine(LINE.awaiting, (line) => this.#awaiting.add(line));
    bus.on(LINE.offsets, ([, name = "", lengths = ""]) => {
      for (const message of this.#awaiting.assign(name, lengths.split(" "))) this.#arrived(message, true);
    });
    // The channel was checked by the node of its first member.
    bus.on(LINE.lost, ([, channel, epoch = "", offset]) =>
      this.#lost(channel as Channel, { epoch, offset: Number(offset) }),
    );
  }

  /** Begins in-order delivery of a channel that this node hears, after the position that was read for its members or listeners. */
  begin(channel: Channel, { epoch, offset, id }: Delivered): void {
    if (this.#progress.has(channel) || !this.#parts.hears(channel)) return;
    this.#progress.set(channel, { epoch, offset, id, gap: undefined });
  }

  /** Ends in-order delivery of a channel that this node hears no more: its last local member has left, or its last listener. */
  forget(channel: Channel): void {
    if (!this.#parts.hears(channel)) this.#progress.delete(channel);
  }

  /** A partition has another master now. Positions that came from the former one stay known until they are compared. */
  doubt(partition: number): void {
    this.#known.keep(partition);
  }

  /**
   * Reports histories that were lost, and reads messages that were missed.
   * @param partitions undefined: all, after an outage
   * @returns partitions that are moving to another master, and are not compared
   */
  async catchUp(partitions?: readonly number[]): Promise<readonly number[]> {
    const left = [...this.#known.take(partitions && new Set(partitions))];
    const moving = new Set<number>();
    try {
      for (let known = left[0]; known !== undefined; known = left[0]) {
        const unreached = await this.#catchUp(known.positions);
        if (unreached.length > 0) this.#known.putBack(known);
        for (const partition of unreached) moving.add(partition);
        left.shift();
      }
    } finally {
      for (const known of left) this.#known.putBack(known);
    }
    return [...moving];
  }

  async #catchUp(delivered: ReadonlyMap<Channel, Delivered>): Promise<readonly number[]> {
    const moving = new Set<number>();
    const verified = await this.#parts.histories.verify(delivered, (partition) => moving.add(partition));
    const behind: { channel: Channel; progress: Progress; last: number }[] = [];
    for (const [channel, { epoch, last, from }] of verified) {
      const progress = this.#progress.get(channel);
      if (progress === undefined || isBefore(epoch, progress.epoch)) continue;
      this.#lost(channel, { epoch, offset: from });
      if (progress.offset < last) behind.push({ channel, progress, last });
    }
    // A few at a time, because after an outage many channels may have large pages to read.
    await forEachConcurrently(behind, async ({ channel, progress, last }) => {
      await this.#fill(channel, progress, last).catch(unlessMoving((partition) => moving.add(partition)));
    });
    return [...moving];
  }

  /** Channels that are delivered on this node. */
  get channels(): Iterable<Channel> {
    return this.#progress.keys();
  }

  /**
   * Compares what this node has delivered with the histories in Redis: reports those that were lost, and reads messages
   * that never arrived.
   * @returns number of channels that differed
   */
  async compare(channels: readonly Channel[]): Promise<number> {
    const delivered = new Map<Channel, Delivered>();
    for (const channel of channels) {
      const progress = this.#progress.get(channel);
      if (progress !== undefined) delivered.set(channel, { ...progress });
    }
    const overdue = new Map<Channel, Delivered & { readonly last: number }>();
    let differing = 0;
    for (const [channel, { epoch, last, from }] of await this.#parts.histories.verify(delivered)) {
      const progress = this.#progress.get(channel);
      if (progress === undefined || isBefore(epoch, progress.epoch)) continue;
      if (epoch !== progress.epoch) differing++;
      this.#lost(channel, { epoch, offset: from });
      if (progress.offset < last) overdue.set(channel, { ...progress, last });
    }
    if (overdue.size === 0) return differing;
    // These messages may be on their way: what Redis publishes takes another connection than what it replies.
    await sleep(OVERDUE_MS, undefined, { ref: false });
    if (!this.#parts.connection.isUp) return differing;
    return differing + (await this.#fillOverdue(overdue));
  }

  /** @returns number of channels of which messages were missing */
  async #fillOverdue(overdue: ReadonlyMap<Channel, Delivered & { readonly last: number }>): Promise<number> {
    const fills: Promise<void>[] = [];
    for (const [channel, { epoch, offset, last }] of overdue) {
      const progress = this.#progress.get(channel);
      const isStuck = progress?.epoch === epoch && progress.offset === offset && progress.gap === undefined;
      if (isStuck) fills.push(this.#fill(channel, progress, last));
    }
    await Promise.all(fills);
    return fills.length;
  }

  /** @returns number of messages that have their offsets now */
  #lengthsArrived(line: string): number {
    if (this.#stored === "") throw new TidingsError("internal", "a node sent offsets without their messages");
    const lengths = line.slice(LENGTHS_OPENING.length).split(" ");
    const messages = decodeStored(this.#stored, STORED_FIELDS, lengths);
    this.#stored = "";
    for (const message of messages) this.#arrived(message);
    return messages.length;
  }

  /** Reads the messages of overdue payloads from the histories: their sender has stopped, or is slow. */
  async #readOverdue(channels: ReadonlySet<Channel>, held: readonly StoredMessage[]): Promise<void> {
    if (this.#parts.connection.isStopped) return;
    for (const message of held) this.#arrived(message);
    const progress = [...this.#progress].filter(([channel]) => channels.has(channel));
    if (this.#parts.connection.isUp) await this.#catchUp(new Map(progress));
    for (const channel of channels) this.#parts.onUndelivered(channel);
  }

  #arrived(message: StoredMessage, isOrdered = false): void {
    const { channel, epoch, offset } = message;
    const progress = this.#progress.get(channel);
    if (progress === undefined) {
      if (this.#awaiting.hold(message)) return;
      this.begin(channel, message);
      this.#deliver(message, isOrdered);
    } else if (progress.gap !== undefined) {
      progress.gap.to = Math.max(progress.gap.to, offset);
    } else if (progress.epoch === epoch) {
      // The message was delivered from the history already.
      if (offset <= progress.offset) this.#parts.onDelivered(message, NOBODY, isOrdered);
      else if (offset === progress.offset + 1) this.#next(progress, message, isOrdered);
      else if (!this.#awaiting.hold(message)) this.#fillInBackground(channel, progress, offset);
    } else if (isBefore(epoch, progress.epoch)) {
      // The history was lost after it had stored this message, and the offset arrived after the line "lost".
      this.#parts.onDelivered(message, NOBODY, isOrdered);
    } else if (offset === 1) {
      this.#lost(channel, { epoch, offset: 0 });
      this.#next(progress, message, isOrdered);
    } else {
      const filled = this.#fill(channel, progress, offset);
      this.#background(filled.then(() => this.#parts.onUndelivered(channel)));
    }
  }

  #next(progress: Progress, message: StoredMessage, isOrdered = false): void {
    progress.offset = message.offset;
    progress.id = message.id;
    this.#deliver(message, isOrdered);
  }

  #deliver(message: StoredMessage, isOrdered: boolean): void {
    this.#parts.onDelivered(message, this.#parts.node.sink.deliver(message), isOrdered);
  }

  #lost(channel: Channel, position: Position): void {
    const progress = this.#progress.get(channel);
    if (progress?.epoch === position.epoch) return;
    if (progress === undefined) this.begin(channel, position);
    else Object.assign(progress, position, { id: undefined });
    this.#parts.node.sink.lost(channel, position);
  }

  /**
   * Reports the failure of a read. The next message of the channel, or the recovery after an outage, starts another
   * attempt.
   */
  #background(reading: Promise<void>): void {
    reading.catch((error: unknown) => {
      if (this.#parts.connection.isNews(error)) this.#parts.node.report("history", error);
    });
  }

  /**
   * Fills a gap, and tries again after a failure, because the channel may stay quiet: no later message would fill it.
   * After an outage the recovery reads all channels.
   */
  #fillInBackground(channel: Channel, progress: Progress, offset: number): void {
    const again = (): void => {
      const isMissing = this.#progress.get(channel) === progress && progress.offset < offset;
      if (isMissing && this.#parts.connection.isUp) this.#fillInBackground(channel, progress, offset);
    };
    const filled = this.#fill(channel, progress, offset);
    filled.catch(() => setTimeout(again, REFILL_MS).unref());
    this.#background(filled);
  }

  /** Fills the gap up to an offset. Resolves when all messages up to there were delivered or are known to be lost. */
  #fill(channel: Channel, progress: Progress, offset: number): Promise<void> {
    const { gap } = progress;
    if (gap === undefined) {
      const opened: Gap = { to: offset, filled: Promise.resolve() };
      progress.gap = opened;
      opened.filled = this.#fillGap(channel, progress, opened);
      return opened.filled;
    }
    gap.to = Math.max(gap.to, offset);
    return gap.filled;
  }

  /** The gap is closed in the moment in which its last read ends: nobody may extend one that nothing fills any more. */
  async #fillGap(channel: Channel, progress: Progress, gap: Gap): Promise<void> {
    try {
      while (progress.offset < gap.to) {
        const { to } = gap;
        const page = await this.#parts.histories.read(channel, { after: progress.offset, limit: PAGE });
        if (this.#parts.connection.isStopped || this.#progress.get(channel) !== progress) return;
        if (page.epoch !== progress.epoch) {
          this.#lost(channel, { epoch: page.epoch, offset: page.first - 1 });
          gap.to = page.last;
          continue;
        }
        for (const message of page.messages)
          if (message.offset > progress.offset) this.#next(progress, message);
        // A page ends early at a number of bytes, so only an empty one says that retention has removed the other
        // messages. Clients notice the gap in the offsets.
        if (page.messages.length === 0 && progress.offset < page.last) {
          progress.offset = page.last;
          progress.id = undefined;
          this.#parts.onUndelivered(channel);
        }
        // `to` may be an offset of a lost history, so the page's last offset replaces it. One that rose during the read
        // stays.
        if (gap.to === to) gap.to = page.last;
      }
    } finally {
      progress.gap = undefined;
      if (progress.offset < gap.to) this.#parts.onUndelivered(channel);
    }
  }
}

const unlessMoving =
  (onMoving: (partition: number) => void) =>
  (error: unknown): void => {
    if (!(error instanceof PartitionMoving)) throw error;
    onMoving(error.partition);
  };

/**
 * True if a history was replaced by the other one. An epoch is the random part of the birth of the partition's data,
 * and a serial number that rises.
 */
function isBefore(epoch: string, other: string): boolean {
  const [random, serial] = epoch.split(".");
  const [otherRandom, otherSerial] = other.split(".");
  return random === otherRandom && Number(serial) < Number(otherSerial);
}
