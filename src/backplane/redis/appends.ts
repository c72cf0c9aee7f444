import { type Channel, TidingsError } from "../../protocol/protocol.ts";
import type { Message, StoredMessage } from "../message.ts";
import type { Appended } from "../port.ts";
import { AppendCalls } from "./append-calls.ts";
import { AppendPushes } from "./append-pushes.ts";
import type { AppendWay } from "./append-way.ts";
import { Answer, Appending } from "./appending.ts";
import type { Bus, LocalNode, TrafficCounts } from "./bus/bus.ts";
import type { Claims } from "./claims.ts";
import type { Connection } from "./connection/connection.ts";
import type { Histories } from "./histories.ts";
import { partitionOf } from "./keys.ts";
import type { Place, Places } from "./places.ts";
import type { RedisPresence } from "./presence.ts";

/** Messages in one call, and characters of their data: it must not keep Redis from other work for long (some 2 ms). */
const MESSAGES_PER_CALL = 512;
const CHARACTERS_PER_CALL = 512 * 1_024;
/** Calls that a lane has under way: enough to keep Redis busy while an answer travels. */
const CALLS_UNDER_WAY = 4;
/** Messages that wait for their call. Beyond it publishing fails at once: to take them would only mean to answer later. */
const MAX_QUEUED = 100_000;

/** Messages whose calls must not overtake each other: those of a partition on Redis Cluster, else all. */
interface Lane {
  queue: Appending[];
  /** Calls under way. */
  calls: number;
  /** Whether it is being found out what is known of the next messages' keys: nothing overtakes them. */
  isBlocked: boolean;
  /** The way that they take. Nothing goes the other way before they have ended. */
  way: AppendWay;
  /** Messages that came back: what is under way may bring more, and then they all go by the script. */
  left: Appending[];
}

export interface AppendsParts {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly histories: Histories;
  readonly places: Places;
  readonly claims: Claims;
  readonly traffic: TrafficCounts;
  readonly windowMs: number;
  readonly prefix: string;
  readonly pushFrom: number;
  /** Whether one script call may touch one partition only, as on Redis Cluster. */
  readonly byPartition: boolean;
  /** Who is on this node. */
  readonly members: () => Pick<RedisPresence, "hasLocal" | "entries">;
}

/** Appends the messages of a tick to their histories, in as few calls as can be. */
export class Appends {
  readonly #parts: AppendsParts;
  /** By message id: those under way that are to arrive here, too. */
  readonly #arriving = new Map<string, Appending>();
  readonly #lanes = new Map<number, Lane>();
  readonly #calls: AppendCalls;
  readonly #pushes: AppendPushes;
  #queued = 0;
  #isScheduled = false;

  constructor(parts: AppendsParts) {
    const onAppended = (appending: Appending, place: Place, offset: number): number =>
      this.#appended(appending, place, offset);
    this.#parts = parts;
    this.#calls = new AppendCalls({
      ...parts,
      onAppended,
      onRepeated: (appending, detail) => void this.#repeated(appending, detail),
    });
    this.#pushes = new AppendPushes({
      ...parts,
      onAppended,
      onFailed: (appending, error) => this.#failed(appending, error),
    });
    parts.connection.onUnavailable(() => this.#expectNothing());
  }

  /** Rejects as {@link Broker.append} says. */
  append(message: Message, key?: string): Promise<Appended> {
    try {
      this.#parts.connection.assertUp();
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#queued >= MAX_QUEUED) return Promise.reject(overfull());
    const appending = new Appending(message, key);
    this.#laneOf(message.channel).queue.push(appending);
    this.#queued++;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
    return appending.appended;
  }

  /** A stored message has been handed to connections of this node. */
  delivered({ id }: StoredMessage, connections: number): void {
    if (this.#arriving.size === 0) return;
    const appending = this.#arriving.get(id);
    if (appending === undefined) return;
    appending.connections = connections;
    if (appending.answer !== undefined) this.#finish(appending, appending.answer);
  }

  /** Messages of a channel have come in, and were handed to nobody. */
  passedOver(channel: Channel): void {
    for (const appending of this.#arriving.values()) {
      if (appending.message.channel !== channel) continue;
      appending.connections ??= 0;
      if (appending.answer !== undefined) this.#finish(appending, appending.answer);
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
    const lane: Lane = { queue: [], calls: 0, isBlocked: false, way: this.#calls, left: [] };
    this.#lanes.set(number, lane);
    return lane;
  }

  /** Sends what waits, as far as Redis keeps up: when it does not, batches grow instead of the queue before it. */
  #pump(lane: Lane): void {
    if (lane.isBlocked) return;
    if (lane.left.length > 0) {
      if (lane.calls > 0) return;
      lane.queue = [...lane.left, ...lane.queue];
      this.#queued += lane.left.length;
      lane.left = [];
    }
    while (lane.queue.length > 0 && lane.calls < CALLS_UNDER_WAY) {
      const batch = lane.queue.slice(0, sizeOfCall(lane.queue));
      const hasKeys = batch.some(({ key }) => key !== undefined);
      if (!hasKeys) this.#place(batch);
      const way = !hasKeys && this.#pushes.isFor(batch) ? this.#pushes : this.#calls;
      if (lane.calls > 0 && lane.way !== way) return;
      lane.way = way;
      lane.queue.splice(0, batch.length);
      this.#queued -= batch.length;
      if (hasKeys) {
        void this.#sendNew(lane, batch);
        return;
      }
      void this.#send(lane, batch);
    }
  }

  /** A batch with keys has to wait for what is known of them. */
  async #sendNew(lane: Lane, batch: readonly Appending[]): Promise<void> {
    lane.isBlocked = true;
    const isNew = await Promise.all(batch.map((appending) => this.#isNew(appending)));
    lane.isBlocked = false;
    const rest = batch.filter((_, index) => isNew[index]);
    this.#place(rest);
    void this.#send(lane, rest);
    this.#pump(lane);
  }

  /** False when the key was used for something else; then the repeat is answered. */
  async #isNew(appending: Appending): Promise<boolean> {
    const { key, message, resolve, reject } = appending;
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

  async #send(lane: Lane, batch: readonly Appending[]): Promise<void> {
    lane.calls++;
    try {
      const left = await lane.way.send(batch);
      for (const appending of left) lane.left.push(appending);
    } catch (error) {
      for (const appending of batch) this.#failed(appending, error);
    }
    lane.calls--;
    this.#pump(lane);
  }

  /** Looks where the messages go. Those that may come back to this node are expected there. */
  #place(batch: readonly Appending[]): void {
    const now = performance.now();
    const { places } = this.#parts;
    const members = this.#parts.members();
    const { entries } = members;
    for (const appending of batch) {
      const { id, channel } = appending.message;
      const place = places.of(channel, now);
      appending.place = place;
      if (place.unheardAt === entries) continue;
      if (place.epoch === "" || place.audience.hasOwn || members.hasLocal(channel))
        this.#arriving.set(id, appending);
      else place.unheardAt = entries;
    }
  }

  /** @returns to how many nodes it was sent */
  #appended(appending: Appending, { epoch, audience }: Place, offset: number): number {
    const { message, connections } = appending;
    const { others, hasOwn } = audience;
    const answer = new Answer(message, epoch, offset, others);
    // To be counted it must have come in by its own inbox as well, in its place in the order.
    if (hasOwn && connections === undefined && this.#parts.connection.isUp) appending.answer = answer;
    else this.#finish(appending, answer);
    return hasOwn ? others + 1 : others;
  }

  #failed({ message, reject }: Appending, error: unknown): void {
    this.#arriving.delete(message.id);
    reject(error);
  }

  #finish({ message, connections = 0, resolve }: Appending, answer: Answer): void {
    if (this.#arriving.size > 0) this.#arriving.delete(message.id);
    resolve(connections === 0 ? answer : { ...answer, receivers: answer.receivers + connections });
  }

  async #repeated({ message, key = "", resolve, reject }: Appending, detail: string): Promise<void> {
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
    for (const appending of this.#arriving.values()) {
      if (appending.answer !== undefined) this.#finish(appending, appending.answer);
    }
  }
}

const overfull = (): TidingsError => new TidingsError("unavailable", "Redis takes no more messages now");

/** How many of these go into one call; at least one. */
function sizeOfCall(queue: readonly Appending[]): number {
  let size = 0;
  let characters = 0;
  for (const { message } of queue) {
    if (size === MESSAGES_PER_CALL || characters >= CHARACTERS_PER_CALL) break;
    characters += message.body.length;
    size++;
  }
  return size;
}
