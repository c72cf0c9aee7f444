import { isUserChannel } from "../../protocol/protocol.ts";

/** Messages of a group that reached connections of this node, per second. */
export interface GroupRate {
  readonly group: string;
  /** Messages per second. */
  readonly messages: number;
  /** Messages per second, each counted once for every connection that took it. */
  readonly deliveries: number;
}

/** Groups that a window counts: with fewer, groups of similar rates take each other's places; each costs some 150 bytes. */
const CAPACITY = 512;

/** Length of a window. A rate is that of the present window and a falling share of the one before. */
const WINDOW_MS = 10_000;

/** A rate of a shorter time would be one of single messages. */
const MIN_MS = 1_000;

const PREFIX = "group:";

/**
 * The busiest groups of this node: heavy hitters in bounded memory. A message costs one look-up of its channel, and no allocation when its
 * group is counted already. A group that is new to a full table takes the place of the least busy one with the probability
 * 1 / (count + 1), where `count` is that one's: busy groups get in soon, and of very many quiet ones nearly none does (Ben Basat et al.,
 * "Randomized Admission Policy for Efficient Top-k, Frequency, and Volume Estimation", INFOCOM 2017). Counts of the busiest groups are
 * exact while there are at most {@link CAPACITY} groups in a window, and slightly too low or too high beyond it.
 */
export class BusiestGroups {
  readonly #now: () => number;
  readonly #random: () => number;
  #window = new Window();
  #former = new Window();
  #startedAt: number;
  /** Length of the former window that is known; 0 at the beginning. */
  #formerMs = 0;

  /**
   * @param now milliseconds of the monotonic clock
   * @param random from 0 to 1
   */
  constructor(now: () => number = () => performance.now(), random: () => number = Math.random) {
    this.#now = now;
    this.#random = random;
    this.#startedAt = now();
  }

  /** Counts a message of a channel that so many connections took. Channels that are no groups are not counted. */
  add(channel: string, connections: number): void {
    if (channel === "all" || isUserChannel(channel)) return;
    this.#window.add(channel, connections, this.#random);
  }

  /** Begins a new window when the present one is over. Call it about once a second: the hot path reads no clock. */
  tick(): void {
    const now = this.#now();
    const ms = now - this.#startedAt;
    if (ms < WINDOW_MS) return;
    const emptied = this.#former;
    emptied.clear();
    this.#former = this.#window;
    this.#window = emptied;
    this.#formerMs = ms;
    this.#startedAt = now;
  }

  /** True while every group with a message in the windows is counted: the others had none. */
  get countsAll(): boolean {
    return this.#window.countsAll && (this.#formerMs === 0 || this.#former.countsAll);
  }

  /** The busiest groups by messages, the busiest first. @param count of groups, at most */
  top(count: number): GroupRate[] {
    const ms = this.#now() - this.#startedAt;
    const restMs = Math.min(this.#formerMs, Math.max(0, WINDOW_MS - ms));
    const share = this.#formerMs === 0 ? 0 : restMs / this.#formerMs;
    const seconds = Math.max(MIN_MS, ms + restMs) / 1_000;
    const rates: GroupRate[] = [];
    for (const channel of new Set([...this.#window.channels, ...this.#former.channels])) {
      const [messages, deliveries] = this.#window.countsOf(channel);
      const [formerMessages, formerDeliveries] = this.#former.countsOf(channel);
      rates.push({
        group: channel.slice(PREFIX.length),
        messages: (messages + formerMessages * share) / seconds,
        deliveries: (deliveries + formerDeliveries * share) / seconds,
      });
    }
    const busiestFirst = rates.filter(({ messages }) => messages > 0);
    return busiestFirst.sort((one, other) => other.messages - one.messages).slice(0, count);
  }
}

/** Counts of one window. */
class Window {
  readonly #places = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #messages = new Float64Array(CAPACITY);
  readonly #deliveries = new Float64Array(CAPACITY);
  /** No count of a full table is lower. */
  #floor = 0;
  /** False from the first message on of a group that has found the table full. */
  countsAll = true;

  get channels(): Iterable<string> {
    return this.#places.keys();
  }

  add(channel: string, connections: number, random: () => number): void {
    const place = this.#places.get(channel) ?? this.#placeFor(channel, connections, random);
    if (place < 0) return;
    this.#messages[place] = (this.#messages[place] ?? 0) + 1;
    this.#deliveries[place] = (this.#deliveries[place] ?? 0) + connections;
  }

  countsOf(channel: string): [messages: number, deliveries: number] {
    const place = this.#places.get(channel);
    return place === undefined ? [0, 0] : [this.#messages[place] ?? 0, this.#deliveries[place] ?? 0];
  }

  clear(): void {
    this.#places.clear();
    this.#names.length = 0;
    this.#messages.fill(0);
    this.#deliveries.fill(0);
    this.#floor = 0;
    this.countsAll = true;
  }

  /** Finds a place for a channel that has none. @returns -1 when it gets none */
  #placeFor(channel: string, connections: number, random: () => number): number {
    const { length } = this.#names;
    if (length < CAPACITY) return this.#take(length, channel);
    this.countsAll = false;
    // The look for the least busy one costs a walk, so it comes only after a first draw that is not too strict.
    if (random() * (this.#floor + 1) >= 1) return -1;
    const place = this.#leastBusy();
    const count = this.#messages[place] ?? 0;
    const isAdmitted = random() * (count + 1) < this.#floor + 1;
    this.#floor = count;
    if (!isAdmitted) return -1;
    this.#places.delete(this.#names[place] ?? "");
    // The new one keeps the count, as an estimate of its messages that were not counted.
    this.#deliveries[place] = count * connections;
    return this.#take(place, channel);
  }

  #take(place: number, channel: string): number {
    const name = copied(channel);
    this.#names[place] = name;
    this.#places.set(name, place);
    return place;
  }

  #leastBusy(): number {
    let least = 0;
    for (let place = 1; place < CAPACITY; place++) {
      if ((this.#messages[place] ?? 0) < (this.#messages[least] ?? 0)) least = place;
    }
    return least;
  }
}

/** Copies a text: it may be a part of a large one, which it would keep in memory. */
const copied = (text: string): string => Buffer.from(text).toString();
