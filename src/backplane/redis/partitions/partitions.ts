import { setTimeout as sleep } from "node:timers/promises";
import { backoff, SerialPerKey, TidingsError } from "../../../protocol/protocol.ts";

/**
 * Why a call did not run, and had no effect. `lost`: the partition has not the birth that the node expects. `moving`:
 * the partition's slot moves, or has moved, to another master of the Redis Cluster. `connecting`: the connection to that
 * master is being made.
 */
export type Refusal = "lost" | "moving" | "connecting";

export interface PartitionsParts {
  /**
   * Reads a partition's birth. Where there is none, or an earlier one than this node knows, the partition gets a new one.
   * @param known the birth that this node knows
   */
  readonly open: (partition: number, known: string | undefined) => Promise<string>;
  /** Runs a call without effect, which fails as any call does when the partition has another birth. */
  readonly compare: (partition: number, birth: string) => Promise<void>;
  /** The reason of a call that did not run; undefined for any other failure. */
  readonly refusalOf: (cause: unknown) => Refusal | undefined;
  /** Names the master to which the partition's calls go now; undefined where there is only one. */
  readonly masterOf: (partition: number) => string | undefined;
  /** Tells whether the partition's slot is moving, on any master. */
  readonly isMoving: (partition: number) => Promise<boolean>;
  /** A refused call waits so long for its partition. */
  readonly timeoutMs: number;
  /** Called with the partitions that move for longer than calls can wait, whenever these change. */
  readonly onStuck: (partitions: readonly number[]) => void;
}

const DELAYS = { minMs: 5, maxMs: 100 };

/** The call did not run: the partition's slot was on its way between two masters for too long. */
export class PartitionMoving extends TidingsError {
  readonly partition: number;

  constructor(partition: number) {
    super(
      "unavailable",
      `partition ${partition} is moving between two masters of the Redis Cluster: try again later`,
    );
    this.partition = partition;
  }
}

/**
 * The identity of each partition that this node has seen. A partition's data have a random name, their birth. Every
 * script checks it, and so does {@link check}. So this node never takes a partition that is absent, or another one, for
 * a new one: while a slot moves, calls wait in their order; data that were lost are accepted as new, and the listeners
 * of {@link onLost} announce again what this node has.
 */
export class Partitions {
  readonly #parts: PartitionsParts;
  readonly #births = new Map<number, string>();
  /** Masters to which the last calls went. */
  readonly #masters = new Map<number, string>();
  #changes = 0;
  /** Calls that were refused, and those behind them: one after the other, so that none overtakes another. */
  readonly #waiting = new SerialPerKey<number>();
  /** Partitions whose calls are refused because they move; true once one has waited in vain. */
  readonly #moving = new Map<number, boolean>();
  readonly #lostListeners: ((partition: number) => void)[] = [];
  readonly #doubtListeners: ((partition: number) => void)[] = [];

  constructor(parts: PartitionsParts) {
    this.#parts = parts;
  }

  /** The birth of a partition's data, if this node has seen the partition. */
  birthOf(partition: number): string | undefined {
    return this.#births.get(partition);
  }

  /** Number of changes of the births that this node knows. */
  get changes(): number {
    return this.#changes;
  }

  /** Partitions that are moving, as far as calls of this node have found out. */
  get moving(): readonly number[] {
    return [...this.#moving.keys()];
  }

  /**
   * Calls a function after Redis has lost the data of a partition that this node knew. The partition has a new birth
   * then.
   */
  onLost(listener: (partition: number) => void): void {
    this.#lostListeners.push(listener);
  }

  /**
   * Calls a function when a partition begins to refuse calls because it moves, and before its first call to another
   * master: calls may fail or change their order, and a failover may have lost what this node knows. So the node has to
   * be compared with the partition.
   */
  onDoubt(listener: (partition: number) => void): void {
    this.#doubtListeners.push(listener);
  }

  /**
   * Compares the birth that this node knows with the one in Redis. Resolves when they are equal; where the data were
   * lost, after the listeners were told.
   * @throws PartitionMoving
   */
  async check(partition: number): Promise<void> {
    await this.run(partition, (birth) => this.#parts.compare(partition, birth));
  }

  /** Another node says that the partition has this birth now. */
  announced(partition: number, birth: string): void {
    const known = this.#births.get(partition);
    if (known !== undefined && known !== birth) this.#accept(partition, birth);
  }

  /**
   * Runs a call in a partition, with the birth that it has to expect. A call that was refused is repeated.
   * @throws PartitionMoving when the partition moves for longer than the timeout
   */
  async run<Result>(partition: number, call: (birth: string) => Promise<Result>): Promise<Result> {
    const birth = this.#births.get(partition);
    const deadline = performance.now() + this.#parts.timeoutMs;
    if (birth !== undefined && !this.#waiting.isBusy(partition)) {
      try {
        const result = await this.#call(partition, birth, call);
        if (this.#moving.size > 0) this.#arrived(partition);
        return result;
      } catch (cause) {
        if (this.#parts.refusalOf(cause) === undefined) throw cause;
      }
    }
    return this.#waiting.run(partition, () => this.#insist(partition, call, deadline));
  }

  async #insist<Result>(
    partition: number,
    call: (birth: string) => Promise<Result>,
    deadline: number,
  ): Promise<Result> {
    for (let delays = 0; ; delays++) {
      try {
        const birth = this.#births.get(partition) ?? (await this.#open(partition));
        const result = await this.#call(partition, birth, call);
        this.#arrived(partition);
        return result;
      } catch (cause) {
        const refusal = this.#parts.refusalOf(cause);
        if (refusal === undefined) throw cause;
        if (refusal === "lost" && (await this.#replace(partition))) continue;
        if (refusal !== "connecting") this.#doubt(partition);
        const delayMs = backoff(delays, DELAYS);
        if (performance.now() + delayMs > deadline) throw this.#overdue(partition, cause);
        await sleep(delayMs);
      }
    }
  }

  #call<Result>(partition: number, birth: string, call: (birth: string) => Promise<Result>): Promise<Result> {
    const master = this.#parts.masterOf(partition);
    return master === undefined ? call(birth) : this.#callOn(master, partition, () => call(birth));
  }

  async #callOn<Result>(master: string, partition: number, call: () => Promise<Result>): Promise<Result> {
    const known = this.#masters.get(partition);
    this.#masters.set(partition, master);
    if (known !== undefined && known !== master) this.#tellDoubt(partition);
    const result = await call();
    // Once the caller knows the result, which came from a former master: the doubt is about it too.
    if (this.#parts.masterOf(partition) !== master) setImmediate(() => this.#tellDoubt(partition));
    return result;
  }

  async #open(partition: number): Promise<string> {
    const birth = await this.#parts.open(partition, undefined);
    this.#set(partition, birth);
    return birth;
  }

  /** Takes the present birth for that of new data. @returns false while the data may be on their way instead */
  async #replace(partition: number): Promise<boolean> {
    if (await this.#parts.isMoving(partition)) return false;
    this.#accept(partition, await this.#parts.open(partition, this.#births.get(partition)));
    return true;
  }

  #accept(partition: number, birth: string): void {
    const known = this.#births.get(partition);
    this.#set(partition, birth);
    if (known === undefined || known === birth) return;
    for (const listener of this.#lostListeners) listener(partition);
  }

  #set(partition: number, birth: string): void {
    if (this.#births.get(partition) === birth) return;
    this.#births.set(partition, birth);
    this.#changes++;
  }

  #doubt(partition: number): void {
    if (this.#moving.has(partition)) return;
    this.#moving.set(partition, false);
    this.#tellDoubt(partition);
  }

  #tellDoubt(partition: number): void {
    for (const listener of this.#doubtListeners) listener(partition);
  }

  #arrived(partition: number): void {
    const wasStuck = this.#moving.get(partition);
    this.#moving.delete(partition);
    if (wasStuck) this.#tellStuck();
  }

  #overdue(partition: number, cause: unknown): unknown {
    const isStuck = this.#moving.get(partition);
    if (isStuck === undefined) return cause;
    this.#moving.set(partition, true);
    if (!isStuck) this.#tellStuck();
    return new PartitionMoving(partition);
  }

  #tellStuck(): void {
    const stuck = [...this.#moving].filter(([, isStuck]) => isStuck).map(([partition]) => partition);
    this.#parts.onStuck(stuck);
  }
}

export { type Compare, PendingPartitions } from "./pending.ts";
