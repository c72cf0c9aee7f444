import { randomBytes } from "node:crypto";
import type { TidingsError } from "../../../protocol/protocol.ts";
import type { Health } from "../../port.ts";
import { PartitionMoving, Partitions, type Refusal } from "../partitions/partitions.ts";
import { baseOf, EVERY_PARTITION, pubSubOf, RANDOM_LENGTH, REGISTRY } from "../wire/keys.ts";
import { awaitReplicas, isMoving, readInfo } from "./clients.ts";
import { commandError, isWrongMaster, refusalOf } from "./errors.ts";
import { kindOf, type RefusedWrites, refusesWrites } from "./failures.ts";
import { slotOf } from "./ioredis.ts";
import { publishOf } from "./packed-command.ts";
import type { PipeAnswer } from "./pipe.ts";
import { type RunScript, runScript, type ScriptArguments } from "./run-script.ts";
import { COMPARE, OPEN, type Script } from "./script.ts";
import { forEachConcurrently, Semaphore } from "./semaphore.ts";
import {
  CHECK_RIGHTS,
  ignoreTransient,
  type Reconcile,
  Session,
  type SessionOptions,
  transactionFor,
  WRITE_CHECK,
  WriteCheck,
} from "./session/session.ts";

/** Kinds of calls to Redis: a script, a transaction of appends, and a PUBLISH. */
export type CallKind = "script" | "push" | "publish";

export interface ConnectionOptions extends SessionOptions {
  readonly prefix: string;
  /** Pause between the checks whether Redis takes writes. */
  readonly heartbeatMs: number;
  readonly onRun: (script: Script) => void;
  /** Called with the duration of each call that Redis has answered, without its wait in this node. */
  readonly onAnswer: (kind: CallKind, ms: number) => void;
}

/**
 * More scripts in flight would wait in Redis, where their timeouts run: 10,000 logins at once must not look like an
 * outage.
 */
const MAX_SCRIPTS_IN_FLIGHT = 256;

/** The connections of this node to Redis: runs commands, and knows what Redis lets this node do. */
export class Connection {
  /** The identities of the partitions, which every script compares. */
  readonly partitions: Partitions;
  /** Beginning of the names of all Pub/Sub channels. */
  readonly pubSub: string;
  readonly #options: ConnectionOptions;
  readonly #session: Session;
  readonly #semaphore = new Semaphore(MAX_SCRIPTS_IN_FLIGHT);
  readonly #writes: WriteCheck;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#session = new Session(options);
    this.pubSub = pubSubOf(options.prefix, options.address.db);
    const isCluster = options.address.kind === "cluster";
    const slots = isCluster ? EVERY_PARTITION.map((each) => slotOf(baseOf(options.prefix, each))) : [];
    this.partitions = new Partitions({
      open: (partition, known = "") =>
        this.#call(OPEN, partition, "", [randomPart(), partition, known]) as Promise<string>, // by the script
      compare: async (partition, birth) => void (await this.#call(COMPARE, partition, birth, [])),
      refusalOf: (cause) => this.#refusalOf(cause),
      masterOf: (partition) => this.#session.masterOf(slots[partition]),
      isMoving: (partition) => isMoving(this.#session.client, baseOf(options.prefix, partition)),
      timeoutMs: options.commandTimeoutMs,
      onStuck: (partitions) => tellStuck(options.health, partitions),
    });
    this.#writes = new WriteCheck({
      health: options.health,
      everyMs: options.heartbeatMs,
      isPossible: () => this.isUp,
      write: () => forEachConcurrently(this.#masters, (partition) => this.#check(WRITE_CHECK, partition)),
    });
  }

  get isUp(): boolean {
    return this.#session.availability.isUp;
  }

  get isStopped(): boolean {
    return this.#session.availability.isStopped;
  }

  /** @throws TidingsError `unavailable` */
  assertUp(): void {
    this.#session.availability.assertUp();
  }

  /** @throws TidingsError `unavailable` before Redis has answered for the first time, and after the stop */
  assertReadable(): void {
    const { availability } = this.#session;
    if (!availability.wasUp || availability.isStopped) throw availability.error();
  }

  /**
   * False for a failure that is told otherwise: that of an outage, of a partition that is moving, and of a Redis that
   * takes no writes.
   */
  isNews(error: unknown): boolean {
    return this.isUp && this.refusal === undefined && !(error instanceof PartitionMoving);
  }

  /** Calls a function at the beginning of each outage, and when the node stops. */
  onUnavailable(listener: () => void): void {
    this.#session.availability.onUnavailable(listener);
  }

  /** Calls a function at the end of each outage, and when Redis is available for the first time. */
  onUp(listener: () => void): void {
    this.#session.availability.onUp(listener);
  }

  /** Why Redis refuses writes now. A full one still frees memory, and takes the little that clients need. */
  get refusal(): RefusedWrites | undefined {
    return this.#writes.refusal;
  }

  /** Connects, as {@link Session.start} says. */
  async start(reconcile: Reconcile): Promise<void> {
    await this.#session.start(reconcile);
    this.#writes.start();
  }

  /**
   * Calls `leave` if Redis is available, waits for its replicas, then closes the connections. After a failover only a node
   * that has confirmed a message can tell that it is lost, and this one will not be there.
   */
  async stop(leave: () => Promise<void>): Promise<void> {
    this.#writes.stop();
    await this.#session.stop(async () => {
      await leave();
      // A user without the right to INFO or WAIT does not wait.
      await awaitReplicas(this.#session.client, REPLICAS_MS).catch(() => undefined);
    });
    this.#writes.stop();
  }

  /**
   * Runs a script. @throws TidingsError `unavailable` during an outage; it is unknown whether a script in flight has
   * run
   */
  readonly run: RunScript = async (script, partition, args) => {
    this.assertUp();
    return this.exec(script, partition, args);
  };

  /**
   * Runs a script that only reads data which other nodes see too: possible as soon as Redis answers, also while this
   * node cannot publish or receive. @throws TidingsError `unavailable`
   */
  readonly read: RunScript = async (script, partition, args) => {
    this.assertReadable();
    return this.exec(script, partition, args);
  };

  /** Runs a script as {@link run} does, but also while the node recovers or stops. */
  readonly exec: RunScript = async (script, partition, args) => {
    this.#options.onRun(script);
    try {
      return await this.partitions.run(partition, (birth) => this.#call(script, partition, birth, args));
    } catch (cause) {
      throw this.failed(script.name, cause);
    }
  };

  async #call(script: Script, partition: number, birth: string, args: ScriptArguments): Promise<unknown> {
    const admission = this.#semaphore.acquire();
    if (admission !== undefined) await admission;
    try {
      const target = { base: baseOf(this.#options.prefix, partition), birth, pubSub: this.pubSub };
      const sent = performance.now();
      const reply = await runScript(this.#session.client, script, target, args);
      this.#options.onAnswer("script", performance.now() - sent);
      return reply;
    } finally {
      this.#semaphore.release();
    }
  }

  /** Runs a script that concerns no data, once. @throws the failure of the client library */
  #check(script: Script, partition: number, args: ScriptArguments = []): Promise<unknown> {
    return this.#call(script, partition, "", args);
  }

  #refusalOf(cause: unknown): Refusal | undefined {
    if (isWrongMaster(cause)) this.#session.refreshSlots();
    return refusalOf(cause);
  }

  /** Tells whether {@link push} is possible. Not on Redis Cluster: there it would take a connection to each master. */
  get canPush(): boolean {
    return this.#options.address.kind !== "cluster" && this.#session.pipe.isOpen;
  }

  /**
   * Runs `count` commands, encoded as Redis reads them, as one transaction whose answers are numbers. They go over
   * another connection than scripts, so Redis may run them before scripts that were sent earlier.
   * @throws TidingsError `unavailable` during an outage; it is unknown whether a transaction in flight has run
   */
  async push(commands: readonly string[], count: number): Promise<PipeAnswer> {
    this.assertUp();
    try {
      const sent = performance.now();
      const answer = await this.#session.pipe.transaction(commands, count);
      this.#options.onAnswer("push", performance.now() - sent);
      return answer;
    } catch (cause) {
      throw this.#pipeFailed("push", cause);
    }
  }

  /**
   * Publishes to a Pub/Sub channel, also while the node recovers or stops.
   * @returns number of its subscribers; on Redis Cluster of those at one node of Redis
   * @throws TidingsError `unavailable`
   */
  async publish(channel: string, payload: string): Promise<number> {
    try {
      const sent = performance.now();
      const { numbers, error } = await this.#session.pipe.call(publishOf(channel, payload), 1);
      this.#options.onAnswer("publish", performance.now() - sent);
      if (error !== undefined) throw error;
      return numbers[0] ?? 0;
    } catch (cause) {
      throw this.#pipeFailed("publish", cause);
    }
  }

  /** Reads what each master tells about itself and its settings. */
  async info(): Promise<string[]> {
    return readInfo(this.#session.client);
  }

  /**
   * Checks the rights of the user by using them: the commands of all scripts, and a transaction as {@link push} sends it.
   * @param channels Pub/Sub channels of this node
   */
  async checkRights(channels: readonly string[]): Promise<void> {
    this.#options.onRun(CHECK_RIGHTS);
    const run = (partition: number) => this.#check(CHECK_RIGHTS, partition, channels);
    await forEachConcurrently(this.#masters, (partition) => ignoreTransient(run(partition)));
    if (this.canPush) await ignoreTransient(this.#checkTransaction(channels));
  }

  async #checkTransaction(channels: readonly string[]): Promise<void> {
    const commands = transactionFor(baseOf(this.#options.prefix, REGISTRY), channels);
    const { error } = await this.#session.pipe.transaction(commands, commands.length);
    if (error !== undefined) throw error;
  }

  /** Makes a client beside the one for commands. It does not reconnect by itself. */
  newClient: Session["newClient"] = () => this.#session.newClient();

  /**
   * Turns the cause of a failed command into its error. When that means an outage, recovery starts. A refused write is
   * no outage: whatever needs no write goes on.
   */
  failed(what: string, cause: unknown): TidingsError {
    const error = commandError(what, cause);
    if (error === cause || error.code !== "unavailable") return error;
    const kind = kindOf(error);
    if (refusesWrites(kind)) {
      this.#writes.refused(kind);
      return error;
    }
    this.recover();
    // The checks of recovery may pass all the same.
    if (kind === "denied") this.reportOutage(error);
    return error;
  }

  /** Counts the subscriber as lost, and starts recovery. */
  subscriberLost(): void {
    this.#session.lost("subscriber");
  }

  /** Makes the node unavailable until everything is reconciled: what Redis has may differ from what the node has. */
  recover(): void {
    this.#session.recover();
  }

  /** Reports a failure, as {@link Session.reportOutage} says. */
  reportOutage(error: unknown): void {
    this.#session.reportOutage(error);
  }

  /** Partitions that reach every master. */
  get #masters(): readonly number[] {
    return this.#options.address.kind === "cluster" ? EVERY_PARTITION : [REGISTRY];
  }

  /** When an outage begins, all calls in flight fail. Only the first failure may start recovery. */
  #pipeFailed(what: string, cause: unknown): TidingsError {
    return this.isUp ? this.failed(what, cause) : commandError(what, cause);
  }
}

function tellStuck(health: Health, partitions: readonly number[]): void {
  const which = partitions.toSorted((one, other) => one - other).join(", ");
  const why = `calls to these partitions fail while they move to another master of the Redis Cluster: ${which}`;
  if (partitions.length === 0) health.restore("partitions");
  else health.degrade("partitions", why);
}

/** Time for which a node that stops waits for the replicas of Redis. */
const REPLICAS_MS = 2_000;

/** Base64 has four characters for three bytes. */
const randomPart = (): string => randomBytes((RANDOM_LENGTH * 3) / 4).toString("base64url");

/** Scripts by which the connection checks itself, for the counters. */
export const CHECK_SCRIPTS: readonly Script[] = [WRITE_CHECK, CHECK_RIGHTS];

export { type Address, addressOf, type Credentials, commandsClient } from "./clients.ts";
export { phraseOf } from "./failures.ts";
export { lua, luaEscapes } from "./lua.ts";
export { pack, publishOf } from "./packed-command.ts";
export { FAILED, type PipeAnswer } from "./pipe.ts";
export { PackedArguments, type RunScript, ScriptForgotten } from "./run-script.ts";
export { FENCED, PARTITION_SCRIPTS, type Script, type ScriptOptions, script } from "./script.ts";
export { forEachConcurrently } from "./semaphore.ts";
export type { Reconcile } from "./session/session.ts";
export { Subscriber } from "./subscriber.ts";
