import type { Channel, Position } from "../../protocol/protocol.ts";
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
  /** Batches that wait for the answer to their keys, by lane; others of the lane queue up behind them. */
  readonly #tails = new Map<number, Promise<void>>();
  #queue: Waiting[] = [];

  constructor(parts: AppendsParts) {
    this.#parts = parts;
    parts.link.onAway(() => this.#expectNothing());
  }

  append(message: Message, key?: string): Promise<Appended> {
    this.#parts.link.assertUp();
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    if (this.#queue.length === 0) setImmediate(this.#flush);
    this.#queue.push({ message, key, resolve, reject });
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
    const queue = this.#queue;
    this.#queue = [];
    const laneOf = ({ message }: Waiting): number =>
      this.#parts.byPartition ? partitionOf(message.channel) : 0;
    for (const [lane, batch] of Map.groupBy(queue, laneOf)) this.#enter(lane, batch);
  };

  /** A batch with keys has to wait for what is known of them, and then nobody may overtake it. */
  #enter(lane: number, batch: readonly Waiting[]): void {
    const before = this.#tails.get(lane);
    if (before === undefined && batch.every(({ key }) => key === undefined)) {
      this.#send(batch);
      return;
    }
    const tail = (before ?? Promise.resolve()).then(async () => {
      const isNew = await Promise.all(batch.map((waiting) => this.#isNew(waiting)));
      this.#send(batch.filter((_, index) => isNew[index]));
      if (this.#tails.get(lane) === tail) this.#tails.delete(lane);
    });
    this.#tails.set(lane, tail);
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

  #send(batch: readonly Waiting[]): void {
    for (let start = 0; start < batch.length; start += MESSAGES_PER_CALL) {
      void this.#call(batch.slice(start, start + MESSAGES_PER_CALL));
    }
  }

  async #call(batch: readonly Waiting[]): Promise<void> {
    const { link } = this.#parts;
    const [first] = batch;
    if (first === undefined) return;
    try {
      const answer = await link.run(APPEND, partitionOf(first.message.channel), this.#argumentsOf(batch));
      this.#answered(batch, answer as AppendAnswer); // by the script
    } catch (error) {
      for (const waiting of batch) {
        this.#underWay.delete(waiting.message.id);
        waiting.reject(error);
      }
    }
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
