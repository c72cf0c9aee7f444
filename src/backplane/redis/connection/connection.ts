import { randomBytes } from "node:crypto";
import type { Cluster, Redis } from "ioredis";
import type { TidingsError } from "../../../protocol/protocol.ts";
import { ABILITIES, type Health } from "../../port.ts";
import { PartitionMoving, Partitions, type Refusal } from "../partitions/partitions.ts";
import { baseOf, pubSubOf } from "../wire/keys.ts";
import { Availability } from "./availability.ts";
import { type Address, commandsClient, isMoving, pingMasters, readInfo, singleClient } from "./clients.ts";
import { commandError, isWrongMaster, refusalOf, withoutSecrets } from "./errors.ts";
import { hasSlots, isReady, refreshSlots } from "./ioredis.ts";
import { publishOf } from "./packed-command.ts";
import { Pipe, type PipeAnswer } from "./pipe.ts";
import { LONGEST_DELAY_MS, Recovery } from "./recovery.ts";
import { type RunScript, runScript, type ScriptArguments } from "./run-script.ts";
import { COMPARE, OPEN, type Script } from "./script.ts";
import { Semaphore } from "./semaphore.ts";

export interface ConnectionOptions {
  readonly address: Address;
  readonly prefix: string;
  /** A command that takes longer fails, and Redis counts as unavailable. */
  readonly commandTimeoutMs: number;
  /** Is told what Redis lets this node do. */
  readonly health: Health;
  readonly onRun: (script: Script) => void;
  /** Called with the first failure of each outage, however many attempts to recover fail after it. */
  readonly onOutage: (error: unknown) => void;
}

/** Reconciles the node with Redis, at the start and after each outage. The node is up once this has succeeded. */
export type Reconcile = () => Promise<void>;

/**
 * More scripts in flight would wait in Redis, where their timeouts run: 10,000 logins at once must not look like an
 * outage.
 */
const MAX_SCRIPTS_IN_FLIGHT = 256;

/** The connections of this node to Redis: runs commands, and knows whether Redis is available. */
export class Connection {
  /** The identities of the partitions, which every script compares. */
  readonly partitions: Partitions;
  /** Beginning of the names of all Pub/Sub channels. */
  readonly pubSub: string;
  readonly #options: ConnectionOptions;
  readonly #pipe: Pipe;
  readonly #recovery: Recovery;
  readonly #semaphore = new Semaphore(MAX_SCRIPTS_IN_FLIGHT);
  readonly #availability: Availability;
  /** Clients beside the one for commands. */
  readonly #singles = new Set<Redis>();
  #client: Redis | Cluster | undefined;
  #reconcile: Reconcile = async () => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.pubSub = pubSubOf(options.prefix, options.address.db);
    this.partitions = new Partitions({
      open: (partition) => this.#call(OPEN, partition, "", [newBirth(), partition]) as Promise<string>, // by the script
      compare: async (partition, birth) => void (await this.#call(COMPARE, partition, birth, [])),
      refusalOf: (cause) => this.#refusalOf(cause),
      isMoving: (partition) => isMoving(this.#ready(), baseOf(options.prefix, partition)),
      timeoutMs: options.commandTimeoutMs,
      onStuck: (partitions) => tellStuck(options.health, partitions),
    });
    this.#availability = new Availability(options.onOutage);
    this.onUnavailable(() => options.health.able(false, ...ABILITIES));
    this.#pipe = new Pipe(options.commandTimeoutMs, () => this.recover());
    this.#recovery = new Recovery({
      isPossible: () => isReady(this.#client) && !this.isStopped,
      attempt: () => this.#attempt(),
      onRecovered: () => {
        this.#availability.becomeUp();
        options.health.able(true, ...ABILITIES);
      },
      onFailure: (error) => this.reportOutage(error),
    });
  }

  get isUp(): boolean {
    return this.#availability.isUp;
  }

  get isStopped(): boolean {
    return this.#availability.isStopped;
  }

  /** @throws TidingsError `unavailable` */
  assertUp(): void {
    this.#availability.assertUp();
  }

  /** False for a failure that is reported elsewhere: that of an outage, or of a partition that is moving. */
  isNews(error: unknown): boolean {
    return this.isUp && !(error instanceof PartitionMoving);
  }

  /** Calls a function at the beginning of each outage, and when the node stops. */
  onUnavailable(listener: () => void): void {
    this.#availability.onUnavailable(listener);
  }

  /**
   * Connects. Resolves when the node is up for the first time, however long Redis takes; rejects when it is stopped
   * before.
   */
  async start(reconcile: Reconcile): Promise<void> {
    const started = this.#availability.start();
    this.#reconcile = reconcile;
    this.#connect();
    await started;
  }

  /** Calls `leave` if Redis is available, then closes the connections. */
  async stop(leave: () => Promise<void>): Promise<void> {
    const wasUp = this.#availability.stop();
    try {
      if (wasUp) await leave();
    } finally {
      this.#pipe.close();
      this.#client?.disconnect();
    }
  }

  /**
   * Runs a script. @throws TidingsError `unavailable` during an outage; it is unknown whether a script in flight has
   * run
   */
  readonly run: RunScript = async (script, partition, args) => {
    this.assertUp();
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
      return await runScript(this.#ready(), script, target, args);
    } finally {
      this.#semaphore.release();
    }
  }

  #refusalOf(cause: unknown): Refusal | undefined {
    const refusal = refusalOf(cause);
    if (isWrongMaster(cause) && this.#client !== undefined) refreshSlots(this.#client);
    return refusal;
  }

  /** Tells whether {@link push} is possible. Not on Redis Cluster: there it would take a connection to each master. */
  get canPush(): boolean {
    return this.#options.address.kind !== "cluster" && this.#pipe.isOpen;
  }

  /**
   * Runs `count` commands, encoded as Redis reads them, as one transaction whose answers are numbers. They go over
   * another connection than scripts, so Redis may run them before scripts that were sent earlier.
   * @throws TidingsError `unavailable` during an outage; it is unknown whether a transaction in flight has run
   */
  async push(commands: readonly string[], count: number): Promise<PipeAnswer> {
    this.assertUp();
    try {
      return await this.#pipe.transaction(commands, count);
    } catch (cause) {
      throw this.#pipeFailed("push", cause);
    }
  }

  /** Publishes to a Pub/Sub channel, also while the node recovers or stops. @throws TidingsError `unavailable` */
  async publish(channel: string, payload: string): Promise<void> {
    try {
      const { error } = await this.#pipe.call(publishOf(channel, payload), 1);
      if (error !== undefined) throw error;
    } catch (cause) {
      throw this.#pipeFailed("publish", cause);
    }
  }

  /** Reads what each master tells about itself and its settings. */
  async info(): Promise<string[]> {
    return readInfo(this.#ready());
  }

  /** Makes a client beside the one for commands. It does not reconnect by itself. */
  newClient(): Redis {
    const { address, commandTimeoutMs } = this.#options;
    if (this.#client === undefined) throw this.#availability.error();
    const single = singleClient(address, this.#client, commandTimeoutMs);
    this.#singles.add(single);
    single.once("end", () => this.#singles.delete(single));
    return single.on("error", (error) => this.reportOutage(error));
  }

  /** Turns the cause of a failed command into its error. When that means an outage, recovery starts. */
  failed(what: string, cause: unknown): TidingsError {
    const error = commandError(what, cause);
    if (error !== cause && error.code === "unavailable") this.recover();
    return error;
  }

  /** Makes the node unavailable until everything is reconciled: what Redis has may differ from what the node has. */
  recover(): void {
    this.#availability.becomeUnavailable();
    void this.#recovery.start();
  }

  /** Reports a failure, unless one of this outage was reported already. */
  reportOutage(error: unknown): void {
    this.#availability.reportOutage(withoutSecrets(error));
  }

  #connect(): void {
    const client = commandsClient(this.#options.address, this.#options.commandTimeoutMs);
    this.#client = client;
    client.on("ready", () => void this.#recovery.start());
    client.on("close", () => this.#availability.becomeUnavailable());
    client.on("error", (error) => this.reportOutage(error));
    client.on("-node", () => this.#leaveRemovedMasters());
    // When a failover interrupts its attempt to connect, ioredis stops reconnecting: another client replaces it.
    client.once("end", () => {
      if (!this.isStopped) setTimeout(() => this.isStopped || this.#connect(), LONGEST_DELAY_MS).unref();
    });
    client.connect().catch(() => undefined); // the client also reports its failure as an event
  }

  /** A master that was removed from the Redis Cluster goes on alone: what it publishes reaches nobody. */
  #leaveRemovedMasters(): void {
    for (const single of this.#singles) if (!hasSlots(this.#client, single)) single.disconnect();
  }

  async #attempt(): Promise<void> {
    await pingMasters(this.#ready());
    // The pipe reconnects each time: its old connection may lead to a former master.
    await this.#pipe.open(this.newClient());
    await this.#reconcile();
  }

  /** When an outage begins, all calls in flight fail. Only the first failure may start recovery. */
  #pipeFailed(what: string, cause: unknown): TidingsError {
    return this.isUp ? this.failed(what, cause) : commandError(what, cause);
  }

  #ready(): Redis | Cluster {
    if (this.#client === undefined || !isReady(this.#client)) throw this.#availability.error();
    return this.#client;
  }
}

function tellStuck(health: Health, partitions: readonly number[]): void {
  const which = partitions.toSorted((one, other) => one - other).join(", ");
  const why = `calls to these partitions fail while they move to another master of the Redis Cluster: ${which}`;
  if (partitions.length === 0) health.restore("partitions");
  else health.degrade("partitions", why);
}

const newBirth = (): string => randomBytes(9).toString("base64url");

export { type Address, addressOf } from "./clients.ts";
export { lua, luaEscapes } from "./lua.ts";
export { pack, publishOf } from "./packed-command.ts";
export { FAILED, type PipeAnswer } from "./pipe.ts";
export { PackedArguments, type RunScript } from "./run-script.ts";
export { FENCED, PARTITION_SCRIPTS, type Script, type ScriptOptions, script } from "./script.ts";
export { forEachConcurrently } from "./semaphore.ts";
export { Subscriber } from "./subscriber.ts";
