import { Grace } from "../../grace.ts";
import type { LocalNode, TrafficCounts } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { EVERY_PARTITION, partitionOfUser } from "../wire/keys.ts";
import { SWEEP } from "./scripts.ts";

/** Users told offline in one call: it takes about a millisecond. */
const USERS_PER_SWEEP = 200;
/** A round through all partitions is made in so many steps. */
const STEPS = 16;
const PARTITIONS_PER_STEP = EVERY_PARTITION.length / STEPS;

export interface DepartureOptions {
  readonly graceMs: number;
  /** Time for a round through all partitions. */
  readonly roundMs: number;
  readonly traffic: TrafficCounts;
}

/**
 * Who has left, until that is told. Who is in the grace time stands in Redis, and whoever sweeps a partition tells those who are
 * through, once. The node on which a user left does it when the time is over; that node may end before, so each node also
 * goes round all partitions.
 */
export class Departures {
  readonly #connection: Connection;
  readonly #node: LocalNode;
  readonly #options: DepartureOptions;
  readonly #grace: Grace;
  /** Users who left here last, and the round in which their grace time ended. */
  readonly #left = new Map<string, number>();
  readonly #toSweep = new Set<number>();
  #round: NodeJS.Timeout | undefined;
  #rounds = 0;
  #step = 0;
  #isStopped = false;

  constructor(connection: Connection, node: LocalNode, options: DepartureOptions) {
    this.#connection = connection;
    this.#node = node;
    this.#options = options;
    this.#grace = new Grace(options.graceMs, (user) => this.#end(user));
  }

  /** Users who have to be missed if Redis loses what it knows of them. */
  get pending(): Iterable<string> {
    return this.#left.keys();
  }

  /** @param onStep is called with each step of the round, while Redis is there */
  start(onStep: () => Promise<void>): void {
    if (this.#isStopped) return;
    this.#round ??= setInterval(() => {
      if (this.#connection.isUp) void Promise.all([this.#sweepNext(), onStep()]);
    }, this.#options.roundMs / STEPS).unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#round);
    this.#grace.stop();
  }

  /** The last connection of a user on this node has left; Redis does not know yet. */
  left(user: string): void {
    this.#left.set(user, Number.POSITIVE_INFINITY);
  }

  /** The grace time of a user has begun in Redis. */
  began(user: string): void {
    if (this.#isStopped) return;
    this.left(user);
    this.#grace.begin(user);
  }

  /** The user is here, or has connections elsewhere. */
  stays(user: string): void {
    this.#left.delete(user);
    this.#grace.end(user);
  }

  /** Everyone is told that the user is offline. */
  told(user: string): void {
    this.#left.delete(user);
  }

  #end(user: string): void {
    if (this.#left.has(user)) this.#left.set(user, this.#rounds);
    // Else this is done when Redis is back.
    if (!this.#connection.isUp) return;
    // Those who are through at the same time are told in the order in which they left.
    if (this.#toSweep.size === 0) queueMicrotask(() => this.#sweepAll());
    this.#toSweep.add(partitionOfUser(user));
  }

  #sweepAll(): void {
    for (const partition of this.#toSweep) void this.#sweep(partition);
    this.#toSweep.clear();
  }

  async #sweepNext(): Promise<void> {
    const start = this.#step * PARTITIONS_PER_STEP;
    if (start === 0) this.#forget();
    this.#step = (this.#step + 1) % STEPS;
    const partitions = EVERY_PARTITION.slice(start, start + PARTITIONS_PER_STEP);
    await Promise.all(partitions.map((partition) => this.#sweep(partition)));
  }

  /** A loss of data is noticed within a round. Who came back on another node is not heard of again. */
  #forget(): void {
    this.#rounds++;
    for (const [user, round] of this.#left) if (round < this.#rounds - 1) this.#left.delete(user);
  }

  async #sweep(partition: number): Promise<void> {
    try {
      let told: number;
      do {
        told = Number(await this.#connection.run(SWEEP, partition, [USERS_PER_SWEEP]));
        this.#options.traffic.sent("P", told);
      } while (told === USERS_PER_SWEEP);
    } catch (error) {
      // Who is to be told stays in Redis, for the next round.
      if (this.#connection.isUp) this.#node.report("offline", error);
    }
  }
}
