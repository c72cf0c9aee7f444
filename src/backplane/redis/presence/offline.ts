import { Grace } from "../../grace.ts";
import type { LocalNode } from "../../local-node.ts";
import type { TrafficCounts } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { EVERY_PARTITION, partitionOfUser } from "../wire/keys.ts";
import { LINE } from "../wire/lines.ts";
import { SWEEP } from "./scripts.ts";

/** Users announced offline in one call. A call takes about a millisecond. */
const USERS_PER_SWEEP = 200;
/** A round through all partitions is made in so many steps. */
const STEPS = 16;
const PARTITIONS_PER_STEP = EVERY_PARTITION.length / STEPS;

export interface OfflineGraceOptions {
  readonly graceMs: number;
  /** Duration of a round through all partitions. */
  readonly roundMs: number;
  readonly traffic: TrafficCounts;
}

/**
 * Offline grace of users whose last connection has gone. Redis stores the grace periods; a sweep of a partition announces each
 * user whose period is over, once. The node that the user left sweeps when the period ends. That node may stop earlier, so
 * every node also sweeps all partitions in rounds.
 */
export class OfflineGrace {
  readonly #connection: Connection;
  readonly #node: LocalNode;
  readonly #options: OfflineGraceOptions;
  readonly #grace: Grace;
  /** Users who left this node and are not announced offline yet, with the round in which their grace period ended. */
  readonly #pending = new Map<string, number>();
  readonly #toSweep = new Set<number>();
  #round: NodeJS.Timeout | undefined;
  #rounds = 0;
  #step = 0;
  #isStopped = false;
  #onOverdue: (users: readonly string[]) => void = () => {};

  constructor(connection: Connection, node: LocalNode, options: OfflineGraceOptions) {
    this.#connection = connection;
    this.#node = node;
    this.#options = options;
    this.#grace = new Grace(options.graceMs, (user) => this.#expire(user));
  }

  /** Users whose grace period must be restored if Redis loses it. */
  get pendingUsers(): Iterable<string> {
    return this.#pending.keys();
  }

  /**
   * Starts the rounds.
   * @param onStep called with each step of a round while Redis is available
   * @param onOverdue called with users who were not announced offline a round after their grace period
   */
  start(onStep: () => Promise<void>, onOverdue: (users: readonly string[]) => void): void {
    if (this.#isStopped) return;
    this.#onOverdue = onOverdue;
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
  expect(user: string): void {
    this.#pending.set(user, Number.POSITIVE_INFINITY);
  }

  /** The grace period of a user has begun in Redis. */
  begin(user: string): void {
    if (this.#isStopped) return;
    this.expect(user);
    this.#grace.begin(user);
  }

  /** The user has connections, on this node or on others. */
  cancel(user: string): void {
    this.#pending.delete(user);
    this.#grace.cancel(user);
  }

  /** The user was announced offline to all nodes. */
  announced(user: string): void {
    this.#pending.delete(user);
  }

  #expire(user: string): void {
    if (this.#pending.has(user)) this.#pending.set(user, this.#rounds);
    // During an outage the rounds catch up after recovery.
    if (!this.#connection.isUp) return;
    // One sweep for all periods that end together: it announces users in the order in which they left.
    if (this.#toSweep.size === 0) queueMicrotask(() => this.#sweepAll());
    this.#toSweep.add(partitionOfUser(user));
  }

  #sweepAll(): void {
    for (const partition of this.#toSweep) void this.#sweep(partition);
    this.#toSweep.clear();
  }

  async #sweepNext(): Promise<void> {
    const start = this.#step * PARTITIONS_PER_STEP;
    if (start === 0) this.#dropOld();
    this.#step = (this.#step + 1) % STEPS;
    const partitions = EVERY_PARTITION.slice(start, start + PARTITIONS_PER_STEP);
    await Promise.all(partitions.map((partition) => this.#sweep(partition)));
  }

  /**
   * Drops users whose period ended more than a round ago. They have reconnected to another node, which no line tells, or Redis
   * has lost their grace period.
   */
  #dropOld(): void {
    this.#rounds++;
    const overdue = [...this.#pending].flatMap(([user, round]) => (round < this.#rounds - 1 ? [user] : []));
    for (const user of overdue) this.#pending.delete(user);
    if (overdue.length > 0 && this.#connection.isUp) this.#onOverdue(overdue);
  }

  async #sweep(partition: number): Promise<void> {
    try {
      let announced: number;
      do {
        announced = Number(await this.#connection.run(SWEEP, partition, [USERS_PER_SWEEP]));
        this.#options.traffic.sent(LINE.presence, announced);
      } while (announced === USERS_PER_SWEEP);
    } catch (error) {
      // The users stay in Redis, for the next round.
      if (this.#connection.isNews(error)) this.#node.report("offline", error);
    }
  }
}
