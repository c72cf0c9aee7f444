import type { Cluster, Redis } from "ioredis";
import { ABILITIES, type Health } from "../../../port.ts";
import { type Address, causeOf, commandsClient, confirmMasters, singleClient } from "../clients.ts";
import { isFinal, kindOf, phraseOf } from "../failures.ts";
import { hasSlots, isReady, masterOf, refreshSlots } from "../ioredis.ts";
import { Pipe } from "../pipe.ts";
import { Availability } from "./availability.ts";
import { OutageReport, outageError } from "./outage.ts";
import { LONGEST_DELAY_MS, Recovery } from "./recovery.ts";

export interface SessionOptions {
  readonly address: Address;
  /** A command that takes longer fails, and Redis counts as unavailable. */
  readonly commandTimeoutMs: number;
  /** Is told what Redis lets this node do. */
  readonly health: Health;
  /** Called once with each failure of an outage, however many attempts to recover repeat it. */
  readonly onOutage: (error: unknown) => void;
}

/** Reconciles the node with Redis, at the start and after each outage. The node is up once this has succeeded. */
export type Reconcile = () => Promise<void>;

/** Names of the connections, for the counter and the log. */
const CONNECTIONS = ["commands", "publisher", "subscriber"] as const;

type ConnectionName = (typeof CONNECTIONS)[number];

/** The time with Redis, from the start to the stop: makes the connections, and makes them again after each outage. */
export class Session {
  readonly availability = new Availability();
  readonly pipe: Pipe;
  readonly #options: SessionOptions;
  readonly #recovery: Recovery;
  readonly #outage: OutageReport;
  /** Clients beside the one for commands. */
  readonly #singles = new Set<Redis>();
  #client: Redis | Cluster | undefined;
  /** True when the database of the present connection is confirmed. */
  #isConfirmed = false;
  /** Connections that were lost since the node was up. */
  readonly #lost = new Set<ConnectionName>();
  #reconcile: Reconcile = async () => {};

  constructor(options: SessionOptions) {
    const { address, health, commandTimeoutMs, onOutage } = options;
    this.#options = options;
    for (const name of CONNECTIONS) health.connectionsLost[name] = 0;
    this.#outage = new OutageReport(address, LONGEST_DELAY_MS, onOutage);
    this.availability.onUnavailable(() => health.able(false, "publish", "receive"));
    this.pipe = new Pipe(commandTimeoutMs, () => this.lost("publisher"));
    this.#recovery = new Recovery({
      isPossible: () => isReady(this.#client) && !this.availability.isStopped,
      attempt: () => this.#attempt(),
      onRecovered: () => this.#recovered(),
      onFailure: (error) => this.reportOutage(error),
    });
  }

  /**
   * Connects. Resolves when the node is up for the first time, however long Redis takes; rejects when it is stopped
   * before, and when no attempt with these settings can succeed.
   */
  async start(reconcile: Reconcile): Promise<void> {
    const started = this.availability.start();
    this.#reconcile = reconcile;
    this.#connect();
    await started;
  }

  /** Calls `leave` if Redis is available, then closes the connections. */
  async stop(leave: () => Promise<void>): Promise<void> {
    const wasUp = this.availability.stop();
    this.#options.health.able(false, ...ABILITIES);
    try {
      if (wasUp) await leave();
    } finally {
      this.pipe.close();
      this.#client?.disconnect();
    }
  }

  /** The client for commands. @throws TidingsError `unavailable` until its database is confirmed */
  get client(): Redis | Cluster {
    if (this.#client === undefined || !this.#isConfirmed || !isReady(this.#client)) {
      throw this.availability.error();
    }
    return this.#client;
  }

  /** Makes a client beside the one for commands. It does not reconnect by itself. */
  newClient(): Redis {
    const { address, commandTimeoutMs } = this.#options;
    if (this.#client === undefined) throw this.availability.error();
    const single = singleClient(address, this.#client, commandTimeoutMs);
    this.#singles.add(single);
    single.once("end", () => this.#singles.delete(single));
    return single.on("error", () => undefined);
  }

  /** Names the master that has a slot, as far as this node knows; undefined where there are no slots. */
  masterOf(slot: number | undefined): string | undefined {
    return slot === undefined ? undefined : masterOf(this.#client, slot);
  }

  /** Looks up again which master of a Redis Cluster has which slot. */
  refreshSlots(): void {
    if (this.#client !== undefined) refreshSlots(this.#client);
  }

  /** Counts a connection that has ended by itself, and starts recovery. */
  lost(name: ConnectionName): void {
    if (this.availability.isStopped) return;
    if (this.availability.wasUp && !this.#lost.has(name)) {
      this.#lost.add(name);
      this.#options.health.lost(name);
    }
    this.recover();
  }

  /** Makes the node unavailable until everything is reconciled: what Redis has may differ from what the node has. */
  recover(): void {
    this.availability.becomeUnavailable();
    void this.#recovery.start();
  }

  /**
   * Reports a failure, unless it was reported in this outage already. Before the first success, a failure that every
   * further attempt would repeat ends the start.
   */
  reportOutage(error: unknown): void {
    if (this.availability.isStopped || this.availability.isUp) return;
    const kind = kindOf(error);
    if (kind !== "unreachable" && kind !== "mistake") this.availability.because(phraseOf(kind));
    if (this.availability.wasUp || !isFinal(kind)) this.#outage.add(error);
    else this.#giveUp(error);
  }

  async #reportCause(error: unknown): Promise<void> {
    const { address, commandTimeoutMs } = this.#options;
    this.reportOutage(await causeOf(error, address, commandTimeoutMs));
  }

  #giveUp(error: unknown): void {
    this.availability.giveUp(outageError(this.#options.address, error, undefined));
    this.pipe.close();
    this.#client?.disconnect();
  }

  #connect(): void {
    const { address, commandTimeoutMs } = this.#options;
    const client = commandsClient(address, commandTimeoutMs, (error) => this.reportOutage(error));
    this.#client = client;
    this.#isConfirmed = false;
    client.on("ready", () => void this.#connected(client));
    client.on("close", () => this.#closed());
    client.on("error", (error) => void this.#reportCause(error));
    client.on("-node", () => this.#leaveRemovedMasters());
    // When a failover interrupts its attempt to connect, ioredis stops reconnecting: another client replaces it.
    client.once("end", () => {
      const again = () => this.availability.isStopped || this.#connect();
      if (!this.availability.isStopped) setTimeout(again, LONGEST_DELAY_MS).unref();
    });
    client.connect().catch(() => undefined); // the client also reports its failure as an event
  }

  /** A master that was removed from the Redis Cluster goes on alone: what it publishes reaches nobody. */
  #leaveRemovedMasters(): void {
    for (const single of this.#singles) if (!hasSlots(this.#client, single)) single.disconnect();
  }

  /** Confirms at once: recovery may be in a pause, and heartbeats must not wait for it. */
  async #connected(client: Redis | Cluster): Promise<void> {
    await this.#confirm(client).catch((error: unknown) => this.reportOutage(error));
    void this.#recovery.start();
  }

  async #confirm(client: Redis | Cluster | undefined): Promise<void> {
    if (client === undefined || !isReady(client)) throw this.availability.error();
    await confirmMasters(client, this.#options.address);
    if (client !== this.#client || !isReady(client)) throw this.availability.error();
    this.#isConfirmed = true;
    this.#options.health.able(true, "reach", "read");
  }

  /** The client also closes after each attempt to connect that failed. */
  #closed(): void {
    if (this.#isConfirmed) this.lost("commands");
    this.#isConfirmed = false;
    this.availability.becomeUnavailable();
    this.#options.health.able(false, ...ABILITIES);
  }

  async #attempt(): Promise<void> {
    await this.#confirm(this.#client);
    // The pipe reconnects each time: its old connection may lead to a former master.
    await this.pipe.open(this.newClient());
    await this.#reconcile();
  }

  #recovered(): void {
    const { health } = this.#options;
    this.availability.becomeUp();
    this.#outage.clear();
    health.able(true, "reach", "read", "publish", "receive");
    health.able(!health.degraded.some(({ what }) => what === "stored messages"), "write");
    for (const name of this.#lost) health.remade(name);
    this.#lost.clear();
  }
}

export { CHECK_RIGHTS, ignoreTransient, transactionFor } from "./rights.ts";
export { WRITE_CHECK, WriteCheck } from "./write-check.ts";
