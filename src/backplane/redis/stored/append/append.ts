import { type Channel, TidingsError } from "../../../../protocol/protocol.ts";
import type { LocalNode } from "../../../local-node.ts";
import type { Message, MessageEdit } from "../../../message.ts";
import type { Appended } from "../../../port.ts";
import type { Bus, TrafficCounts } from "../../bus/bus.ts";
import type { Connection } from "../../connection/connection.ts";
import type { Histories } from "../../history/histories.ts";
import { PartitionMoving } from "../../partitions/partitions.ts";
import type { RedisPresence } from "../../presence/presence.ts";
import { partitionOf } from "../../wire/keys.ts";
import type { IdempotencyKeys } from "../idempotency.ts";
import { AppendByScript } from "./by-script.ts";
import { AppendByTransaction } from "./by-transaction.ts";
import { Completion } from "./completion.ts";
import { Duplicates } from "./duplicates.ts";
import { Edits } from "./edits.ts";
import type { AppendMethod } from "./method.ts";
import { PendingAppend } from "./pending.ts";
import type { AppendTargets } from "./targets.ts";
import { Trimmer } from "./trimmer.ts";

/** Limits of a batch, in messages and in characters of their data. A longer batch would block Redis for over 2 ms. */
const MESSAGES_PER_BATCH = 512;
const CHARACTERS_PER_BATCH = 512 * 1_024;
/** Batches in flight: enough to keep Redis busy while a reply travels. */
const MAX_IN_FLIGHT = 4;
/**
 * Batches in flight of a partition of a Redis Cluster: while its slot moves, batches are refused and repeated, and none
 * may overtake another. The other partitions keep Redis busy.
 */
const MAX_IN_FLIGHT_OF_PARTITION = 1;
/** Length of the queue. While it is full, appends fail at once: to accept more would only delay the answer. */
const MAX_QUEUED = 100_000;

/** Messages whose batches must not overtake each other: those of a partition on Redis Cluster, else all. */
interface Lane {
  queue: PendingAppend[];
  /** Number of batches that were sent. */
  sent: number;
  /** Batches in flight. */
  inFlight: number;
  /** True while idempotency keys of the head of the queue are reserved; later messages wait. */
  isBlocked: boolean;
  /** Method of the batches in flight. A batch for the other method waits until they are complete. */
  method: AppendMethod;
  /**
   * `partitions.changes` when the batches in flight were sent. A batch under another birth waits until they are
   * complete: they may not be stored, and it would be.
   */
  changes: number;
  /** Messages that a method returned. They wait for the batches in flight, which may return more. */
  returned: ReturnedBatch[];
}

/** Messages of a batch that were not appended, and have to be sent again. */
interface ReturnedBatch {
  /** Number of the batch: batches may return in another order than they were sent. */
  readonly number: number;
  readonly messages: readonly PendingAppend[];
}

export interface AppendQueueParts {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly histories: Histories;
  readonly targets: AppendTargets;
  readonly idempotency: IdempotencyKeys;
  readonly traffic: TrafficCounts;
  readonly pushFrom: number;
  /** True on Redis Cluster: one script call touches one partition only. */
  readonly byPartition: boolean;
  /** Local members of channels. A function, because presence is constructed later. */
  readonly members: () => Pick<RedisPresence, "hasLocal" | "arrivals">;
}

/**
 * Appends stored messages to their histories in Redis, in these steps:
 * 1. `append` queues the message until the end of the tick; `#pump` takes a batch off the queue.
 * 2. `#reserve` reserves idempotency keys (duplicates.ts). `#assignTargets` takes each channel's list key, epoch
 *    and nodes from the cache (targets.ts).
 * 3. `#send` appends the batch by a script (by-script.ts, script.ts), or many messages to known lists by a transaction
 *    (by-transaction.ts). Either also publishes the messages to the target nodes; ../receiver.ts delivers them there.
 * 4. The reply gives the offsets. completion.ts resolves each append, with local members only after the local delivery.
 */
export class AppendQueue {
  readonly completion: Completion;
  readonly #parts: AppendQueueParts;
  readonly #duplicates: Duplicates;
  readonly #byScript: AppendByScript;
  readonly #byTransaction: AppendByTransaction;
  readonly #edits: Edits;
  readonly #lanes = new Map<number, Lane>();
  readonly #maxInFlight: number;
  #queued = 0;
  #isScheduled = false;

  constructor(parts: AppendQueueParts) {
    const completion = new Completion(parts.connection, parts.bus.deaf);
    const duplicates = new Duplicates(parts.idempotency, completion);
    this.completion = completion;
    this.#maxInFlight = parts.byPartition ? MAX_IN_FLIGHT_OF_PARTITION : MAX_IN_FLIGHT;
    this.#parts = parts;
    this.#duplicates = duplicates;
    const trimmer = new Trimmer(parts);
    this.#byScript = new AppendByScript({ ...parts, completion, duplicates, trimmer });
    this.#byTransaction = new AppendByTransaction({ ...parts, completion, trimmer });
    this.#edits = new Edits({ ...parts, completion, trimmer });
  }

  /** Enqueues a message. Rejects as {@link Broker.append} says, and with `unavailable` while the queue is full. */
  append(message: Message, key?: string): Promise<Appended> {
    try {
      this.#parts.connection.assertUp();
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#queued >= MAX_QUEUED) return Promise.reject(queueFull());
    const pending = new PendingAppend(message, key);
    this.#laneOf(message.channel).queue.push(pending);
    this.#queued++;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
    return pending.appended;
  }

  /** Changes a stored message, beside the queue: its notice has its place in the history only once Redis has appended it. */
  edit(edit: MessageEdit): Promise<Appended> {
    return this.#edits.edit(edit);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    for (const lane of this.#lanes.values()) this.#pump(lane);
  };

  #laneOf(channel: Channel): Lane {
    const number = this.#parts.byPartition ? partitionOf(channel) : 0;
    const known = this.#lanes.get(number);
    if (known !== undefined) return known;
    const lane: Lane = {
      queue: [],
      sent: 0,
      inFlight: 0,
      isBlocked: false,
      method: this.#byScript,
      changes: 0,
      returned: [],
    };
    this.#lanes.set(number, lane);
    return lane;
  }

  /**
   * Sends batches while fewer than the limit are in flight. When Redis is slow, batches grow instead of its input
   * buffer.
   */
  #pump(lane: Lane): void {
    if (lane.isBlocked || !this.#requeueReturned(lane)) return;
    const { changes } = this.#parts.connection.partitions;
    while (lane.queue.length > 0 && lane.inFlight < this.#maxInFlight) {
      const batch = lane.queue.slice(0, batchSize(lane.queue));
      if (batch.some(({ isReserved }) => !isReserved)) {
        void this.#reserve(lane, batch);
        return;
      }
      this.#assignTargets(batch);
      const method = this.#byTransaction.isFor(batch) ? this.#byTransaction : this.#byScript;
      if (lane.inFlight > 0 && (lane.method !== method || lane.changes !== changes)) return;
      lane.method = method;
      lane.changes = changes;
      this.#take(lane, batch);
      void this.#send(lane, batch);
    }
  }

  #take(lane: Lane, batch: readonly PendingAppend[]): void {
    lane.queue.splice(0, batch.length);
    this.#queued -= batch.length;
  }

  #putBack(lane: Lane, messages: readonly PendingAppend[]): void {
    lane.queue = [...messages, ...lane.queue];
    this.#queued += messages.length;
  }

  /**
   * Puts returned messages back in front of the queue. @returns false while batches are in flight that may return more
   */
  #requeueReturned(lane: Lane): boolean {
    if (lane.returned.length === 0) return true;
    if (lane.inFlight > 0) return false;
    const batches = lane.returned.toSorted((one, other) => one.number - other.number);
    lane.returned = [];
    const messages = batches.flatMap(({ messages }) => messages);
    // A lost partition has lost its keys too.
    for (const pending of messages) pending.isReserved = pending.key === undefined;
    this.#putBack(lane, messages);
    return true;
  }

  /** Reserves the idempotency keys of the batch at the head of the queue, and takes the duplicates out. */
  async #reserve(lane: Lane, batch: readonly PendingAppend[]): Promise<void> {
    this.#take(lane, batch);
    lane.isBlocked = true;
    const isFirst = await Promise.all(batch.map((pending) => this.#duplicates.reserve(pending)));
    lane.isBlocked = false;
    const rest = batch.filter((_, index) => isFirst[index]);
    for (const pending of rest) pending.isReserved = true;
    this.#putBack(lane, rest);
    this.#pump(lane);
  }

  /**
   * Takes the batch's targets from the cache. If this node may have members, the append also waits for its own inbox.
   */
  #assignTargets(batch: readonly PendingAppend[]): void {
    const now = performance.now();
    const { targets } = this.#parts;
    const members = this.#parts.members();
    const { arrivals } = members;
    for (const pending of batch) {
      const { channel } = pending.message;
      const target = targets.of(channel, now);
      pending.target = target;
      if (target.noMembersAt === arrivals) continue;
      if (target.epoch === "" || target.nodes.hasOwn || members.hasLocal(channel))
        this.completion.expect(pending);
      else target.noMembersAt = arrivals;
    }
  }

  async #send(lane: Lane, batch: readonly PendingAppend[]): Promise<void> {
    lane.inFlight++;
    const number = ++lane.sent;
    try {
      const messages = await lane.method.send(batch);
      if (messages.length > 0) lane.returned.push({ number, messages });
    } catch (error) {
      for (const pending of batch) this.completion.failed(pending, error);
      if (error instanceof PartitionMoving) this.#failQueued(lane, error);
    }
    lane.inFlight--;
    this.#pump(lane);
  }

  /** Messages behind a batch that waited for its partition in vain have waited too. */
  #failQueued(lane: Lane, error: PartitionMoving): void {
    const waiting = lane.queue;
    lane.queue = [];
    this.#queued -= waiting.length;
    for (const pending of waiting) this.completion.failed(pending, error);
  }
}

const queueFull = (): TidingsError =>
  new TidingsError(
    "unavailable",
    `append queue full: ${MAX_QUEUED.toLocaleString("en")} messages are waiting for Redis`,
  );

/** Number of messages at the head of the queue that make a batch; at least one. */
function batchSize(queue: readonly PendingAppend[]): number {
  let size = 0;
  let characters = 0;
  for (const { message } of queue) {
    if (size === MESSAGES_PER_BATCH || characters >= CHARACTERS_PER_BATCH) break;
    characters += message.body.length;
    size++;
  }
  return size;
}

export { PUSH } from "./by-transaction.ts";
export { EDIT } from "./edit-script.ts";
export { APPEND } from "./script.ts";
export { AppendTargets } from "./targets.ts";
