import { type Channel, TidingsError } from "../../protocol/protocol.ts";
import type { Message, StoredMessage } from "../message.ts";
import type { Appended } from "../port.ts";
import { addText, type Group, groupsOf } from "./append-groups.ts";
import { APPEND } from "./append-script.ts";
import type { Claims } from "./claims.ts";
import type { Histories } from "./histories.ts";
import { partitionOf } from "./keys.ts";
import type { Link } from "./link.ts";
import { NOWHERE, type Place, type Places } from "./places.ts";
import type { RedisPresence } from "./presence.ts";
import { PackedArguments } from "./script-call.ts";
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
  place: Place;
  /** The connections of this node it was handed to, once it has arrived here. */
  connections: number | undefined;
  /** What the script answered, while the message has not arrived here yet. */
  answer: Appended | undefined;
}

/** Messages whose script calls must not overtake each other: those of a partition on Redis Cluster, else all. */
interface Lane {
  queue: Waiting[];
  /** Script calls under way. */
  calls: number;
}

/** What APPEND answers: words, then the details of some of them. */
type AppendAnswer = readonly string[];

export interface AppendsParts {
  readonly link: Link;
  readonly histories: Histories;
  readonly places: Places;
  readonly claims: Claims;
  readonly traffic: TrafficCounts;
  readonly windowMs: number;
  /** Whether one script call may touch one partition only, as on Redis Cluster. */
  readonly byPartition: boolean;
  /** Who is on this node. */
  readonly members: () => Pick<RedisPresence, "hasLocal" | "entries">;
}

/** Appends the messages of a tick to their histories, in as few script calls as can be. */
export class Appends {
  readonly #parts: AppendsParts;
  /** By message id: those under way that are to arrive here, too. */
  readonly #arriving = new Map<string, Waiting>();
  readonly #lanes = new Map<number, Lane>();
  #queued = 0;
  #isScheduled = false;

  constructor(parts: AppendsParts) {
    this.#parts = parts;
    parts.link.onAway(() => this.#expectNothing());
  }

  /** Rejects as {@link Broker.append} says. */
  append(message: Message, key?: string): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#parts.link.assertUp();
      if (this.#queued >= MAX_QUEUED)
        throw new TidingsError("unavailable", "Redis takes no more messages now");
      const waiting: Waiting = {
        message,
        key,
        resolve,
        reject,
        place: NOWHERE,
        connections: undefined,
        answer: undefined,
      };
      this.#laneOf(message.channel).queue.push(waiting);
      this.#queued++;
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(this.#flush);
    });
  }

  /** A stored message has been handed to connections of this node. */
  delivered({ id }: StoredMessage, connections: number): void {
    if (this.#arriving.size === 0) return;
    const waiting = this.#arriving.get(id);
    if (waiting === undefined) return;
    waiting.connections = connections;
    if (waiting.answer !== undefined) this.#finish(waiting, waiting.answer);
  }

  /** Messages of a channel have come in, and were handed to nobody. */
  passedOver(channel: Channel): void {
    for (const waiting of this.#arriving.values()) {
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
    const [first] = batch;
    if (first === undefined) return;
    lane.calls++;
    try {
      this.#place(batch);
      const groups = groupsOf(batch);
      const partition = partitionOf(first.message.channel);
      const answer = await this.#parts.link.run(APPEND, partition, this.#argumentsOf(groups));
      this.#answered(groups, answer as AppendAnswer); // by the script
    } catch (error) {
      for (const waiting of batch) {
        this.#arriving.delete(waiting.message.id);
        waiting.reject(error);
      }
    }
    lane.calls--;
    this.#pump(lane);
  }

  /** Looks where the messages go. Those that may come back to this node are expected there. */
  #place(batch: readonly Waiting[]): void {
    const now = performance.now();
    const { places } = this.#parts;
    const members = this.#parts.members();
    const { entries } = members;
    for (const waiting of batch) {
      const { id, channel } = waiting.message;
      const place = places.of(channel, now);
      waiting.place = place;
      if (place.unheardAt === entries) continue;
      if (place.epoch === "" || place.audience.hasOwn || members.hasLocal(channel))
        this.#arriving.set(id, waiting);
      else place.unheardAt = entries;
    }
  }

  #argumentsOf(groups: readonly Group<Waiting>[]): PackedArguments {
    const { histories, windowMs } = this.#parts;
    const args = PackedArguments.of([...histories.opening, ...histories.retention, windowMs]);
    for (const group of groups) {
      let next = 0;
      while (next < group.messages.length) next = addText(args, group, next);
    }
    return args;
  }

  #answered(groups: readonly Group<Waiting>[], [words = "", ...details]: AppendAnswer): void {
    const answers = words.split(" ");
    let index = 0;
    let detail = 0;
    let sent = 0;
    for (const { messages } of groups) {
      for (const waiting of messages) {
        const word = answers[index++] ?? "";
        if (word === "+") sent += this.#lookedUp(waiting, details[detail++] ?? "");
        else if (word === "=") void this.#repeated(waiting, details[detail++] ?? "");
        else sent += this.#appended(waiting, waiting.place, waiting.place.start + Number(word));
      }
    }
    this.#parts.traffic.sent("S", sent);
  }

  #lookedUp(waiting: Waiting, detail: string): number {
    const [epoch = "", offset, stamp = "", start, ...nodes] = detail.split(" ");
    const { channel } = waiting.message;
    const place = this.#parts.places.learn(channel, epoch, stamp, Number(start), nodes.filter(Boolean));
    return this.#appended(waiting, place, Number(offset));
  }

  /** @returns to how many nodes it was sent */
  #appended(waiting: Waiting, { epoch, audience }: Place, offset: number): number {
    const { message, connections } = waiting;
    const { id, timestamp } = message;
    const { others, hasOwn } = audience;
    const answer = { id, timestamp, epoch, offset, receivers: others, duplicate: false };
    // To be counted it must have come in by its own inbox as well, in its place in the order.
    if (hasOwn && connections === undefined && this.#parts.link.isUp) waiting.answer = answer;
    else this.#finish(waiting, answer);
    return hasOwn ? others + 1 : others;
  }

  #finish({ message, connections = 0, resolve }: Waiting, answer: Appended): void {
    if (this.#arriving.size > 0) this.#arriving.delete(message.id);
    resolve(connections === 0 ? answer : { ...answer, receivers: answer.receivers + connections });
  }

  async #repeated({ message, key = "", resolve, reject }: Waiting, detail: string): Promise<void> {
    const [epoch = "", offset, id = "", timestamp] = detail.split(" ");
    this.#arriving.delete(message.id);
    try {
      const first = await this.#parts.claims.enter(key, message.channel);
      const place = { id, timestamp: Number(timestamp), epoch, offset: Number(offset) };
      resolve({ ...place, receivers: 0, duplicate: true, receipt: first?.receipt });
    } catch (error) {
      reject(error);
    }
  }

  /** While nothing arrives, nobody must wait for it; what is missed is delivered later. */
  #expectNothing(): void {
    for (const waiting of this.#arriving.values()) {
      if (waiting.answer !== undefined) this.#finish(waiting, waiting.answer);
    }
  }
}
