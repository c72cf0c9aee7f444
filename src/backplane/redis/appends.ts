import { type Channel, type Position, TidingsError } from "../../protocol/protocol.ts";
import type { Message, StoredMessage } from "../message.ts";
import type { Appended } from "../port.ts";
import type { Claims } from "./claims.ts";
import type { Histories } from "./histories.ts";
import { APPEND } from "./history-scripts.ts";
import { baseOf, partitionOf } from "./keys.ts";
import { encodeMessage, positionOf } from "./line.ts";
import type { Link } from "./link.ts";
import type { TrafficCounts } from "./traffic.ts";

/** Messages in one script call: it must not keep Redis from other work for long (some 2 ms). */
const MESSAGES_PER_CALL = 512;
/** Script calls that a lane has under way: enough to keep Redis busy while an answer travels. */
const CALLS_UNDER_WAY = 4;
/** Messages that wait for their call. Beyond it publishing fails at once: to take them would only mean to answer later. */
const MAX_QUEUED = 100_000;

/** A message on its way into its history. */
interface Waiting {
  readonly message: Message;
  readonly key: string | undefined;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
  /** The connections of this node it was handed to, once it has arrived here. */
  connections?: number;
  /** What the script answered, while the message has not arrived here yet. */
  answer?: Appended;
}

/** Messages whose script calls must not overtake each other: those of a partition on Redis Cluster, else all. */
interface Lane {
  queue: Waiting[];
  /** Script calls under way. */
  calls: number;
}

/** What APPEND answers. */
type AppendAnswer = readonly (string | number)[];

export interface AppendsParts {
  readonly prefix: string;
  readonly link: Link;
  readonly histories: Histories;
  readonly claims: Claims;
  readonly traffic: TrafficCounts;
  readonly windowMs: number;
  /** Whether one script call may touch one partition only, as on Redis Cluster. */
  readonly byPartition: boolean;
}

/** Appends the messages of a tick to their histories, in as few script calls as can be. */
export class Appends {
  readonly #parts: AppendsParts;
  /** By message id: those that are under way. */
  readonly #underWay = new Map<string, Waiting>();
  readonly #lanes = new Map<number, Lane>();
  #queued = 0;
  #isScheduled = false;

  constructor(parts: AppendsParts) {
    this.#parts = parts;
    parts.link.onAway(() => this.#expectNothing());
  }

  append(message: Message, key?: string): Promise<Appended> {
    this.#parts.link.assertUp();
    if (this.#queued >= MAX_QUEUED) throw new TidingsError("unavailable", "Redis takes no more messages now");
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    this.#laneOf(message.channel).queue.push({ message, key, resolve, reject });
    this.#queued++;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
    return promise;
  }

  /** A stored message has been handed to connections of this node. */
  delivered({ id }: StoredMessage, connections: number): void {
    const waiting = this.#underWay.get(id);
    if (waiting === undefined) return;
    waiting.connections = connections;
    if (waiting.answer !== undefined) this.#finish(waiting, waiting.answer);
  }

  /** Messages of a channel have come in, and were handed to nobody. */
  passedOver(channel: Channel): void {
    for (const waiting of this.#underWay.values()) {
      if (waiting.message.channel !== channel) continue;
      waiting.connections ??= 0;
      if (waiting.answer !== undefined) this.#finish(waiting, waiting.answer);
    }
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    for (const lane of this.#lanes.values()) this.#pump(lane);
  };

  #laneOf(channel: Channel): Lane {
    const number = this.#parts.byPartition ? partitionOf(channel) : 0;
    const known = this.#lanes.get(number);
    if (known !== undefined) return known;
    const lane: Lane = { queue: [], calls: 0 };
    this.#lanes.set(number, lane);
    return lane;
  }

  /** Sends what waits, as far as Redis keeps up: when it does not, batches grow instead of the queue before it. */
  #pump(lane: Lane): void {
    while (lane.queue.length > 0 && lane.calls < CALLS_UNDER_WAY) {
      const batch = lane.queue.splice(0, MESSAGES_PER_CALL);
      this.#queued -= batch.length;
      if (batch.some(({ key }) => key !== undefined)) {
        void this.#sendNew(lane, batch);
        return;
      }
      void this.#call(lane, batch);
    }
  }

  /** A batch with keys has to wait for what is known of them, and nobody may overtake it. */
  async #sendNew(lane: Lane, batch: readonly Waiting[]): Promise<void> {
    const calls = lane.calls;
    lane.calls = CALLS_UNDER_WAY;
    const isNew = await Promise.all(batch.map((waiting) => this.#isNew(waiting)));
    lane.calls -= CALLS_UNDER_WAY - calls;
    void this.#call(
      lane,
      batch.filter((_, index) => isNew[index]),
    );
    this.#pump(lane);
  }

  /** False when the key was used for something else; then the repeat is answered. */
  async #isNew(waiting: Waiting): Promise<boolean> {
    const { key, message, resolve, reject } = waiting;
    if (key === undefined) return true;
    try {
      const first = await this.#parts.claims.enter(key, message.channel);
      if (first === undefined || first.what === message.channel) return true;
      const { id, timestamp } = message;
      resolve({ id, timestamp, epoch: "", offset: 0, receivers: 0, duplicate: true, receipt: first.receipt });
    } catch (error) {
      reject(error);
    }
    return false;
  }

  async #call(lane: Lane, batch: readonly Waiting[]): Promise<void> {
    const { link } = this.#parts;
    const [first] = batch;
    if (first === undefined) return;
    lane.calls++;
    try {
      const answer = await link.run(APPEND, partitionOf(first.message.channel), this.#argumentsOf(batch));
      this.#answered(batch, answer as AppendAnswer); // by the script
    } catch (error) {
      for (const waiting of batch) {
        this.#underWay.delete(waiting.message.id);
        waiting.reject(error);
      }
    }
    lane.calls--;
    this.#pump(lane);
  }

  #argumentsOf(batch: readonly Waiting[]): (string | number)[] {
    const { link, histories, windowMs, prefix } = this.#parts;
    const args: (string | number)[] = [...histories.opening, link.token, ...histories.retention, windowMs];
    let partition: number | undefined;
    let base = "";
    for (const waiting of batch) {
      const { message, key = "" } = waiting;
      const { channel } = message;
      this.#underWay.set(message.id, waiting);
      const own = partitionOf(channel);
      if (own !== partition) base = baseOf(prefix, own);
      const names = [own === partition ? "" : own, channel, `${base}:m:${channel}`, `${base}:h:${channel}`];
      args.push(...names, encodeMessage(message), key);
      partition = own;
    }
    return args;
  }

  #answered(batch: readonly Waiting[], answer: AppendAnswer): void {
    let at = 0;
    let birth = "";
    for (const waiting of batch) {
      if (typeof answer[at] === "string") birth = String(answer[at++]);
      const position = positionOf(birth, Number(answer[at++]));
      const sent = Number(answer[at++]);
      if (sent >= 0) this.#appended(waiting, position, sent);
      else void this.#repeated(waiting, position, String(answer[at++]), Number(answer[at++]));
    }
  }

  #appended(waiting: Waiting, { epoch, offset }: Position, sent: number): void {
    const { message, connections } = waiting;
    const { id, timestamp } = message;
    const receivers = sent >> 1;
    const isOwn = (sent & 1) === 1;
    const answer = { id, timestamp, epoch, offset, receivers, duplicate: false };
    this.#parts.traffic.sent("S", receivers + (isOwn ? 1 : 0));
    // To be counted it must have come in by its own inbox as well, in its place in the order.
    if (!isOwn || connections !== undefined || !this.#parts.link.isUp) this.#finish(waiting, answer);
    else waiting.answer = answer;
  }

  #finish({ message, connections = 0, resolve }: Waiting, answer: Appended): void {
    this.#underWay.delete(message.id);
    resolve({ ...answer, receivers: answer.receivers + connections });
  }

  async #repeated(
    { message, key = "", resolve, reject }: Waiting,
    { epoch, offset }: Position,
    id: string,
    timestamp: number,
  ): Promise<void> {
    this.#underWay.delete(message.id);
    try {
      const first = await this.#parts.claims.enter(key, message.channel);
      resolve({ id, timestamp, epoch, offset, receivers: 0, duplicate: true, receipt: first?.receipt });
    } catch (error) {
      reject(error);
    }
  }

  /** While nothing arrives, nobody must wait for it; what is missed is delivered later. */
  #expectNothing(): void {
    for (const waiting of this.#underWay.values()) {
      if (waiting.answer !== undefined) this.#finish(waiting, waiting.answer);
    }
  }
}
