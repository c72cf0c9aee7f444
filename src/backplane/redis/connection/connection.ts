import { randomBytes } from "node:crypto";
import type { Cluster, Redis } from "ioredis";
import { TidingsError } from "../../../protocol/protocol.ts";
import type { Message } from "../../message.ts";
import type { BackplaneSink, NodeInfo } from "../../port.ts";
import { type Handler, Inbox, type LineHandler } from "../bus/inbound.ts";
import { Outbound } from "../bus/outbound.ts";
import { Probes } from "../bus/requests.ts";
import type { TrafficCounts } from "../bus/traffic.ts";
import { baseOf, castOf, inboxOf } from "../keys.ts";
import { type Kind, textOf } from "../line.ts";
import { type Address, commandsClient, pingMasters, singleClient } from "./clients.ts";
import { failureOf } from "./errors.ts";
import { publishOf } from "./packed-command.ts";
import { Pipe, type PipeAnswer } from "./pipe.ts";
import { LONGEST_RETRY_MS, Returning } from "./recovery.ts";
import { runScript, type ScriptArguments } from "./run-script.ts";
import type { Script } from "./script.ts";
import { Turns } from "./semaphore.ts";
import { Listener } from "./subscriber.ts";

export interface LinkOptions {
  readonly address: Address;
  readonly prefix: string;
  /** A command that takes longer has failed, and Redis is taken to be away. */
  readonly commandTimeoutMs: number;
  /** How often the node makes sure that what is sent to it arrives: a connection may be dead without a word. */
  readonly heartbeatMs: number;
  readonly traffic: TrafficCounts;
}

/** What to do when Redis is reached, again or for the first time; the node is up when it has ended well. */
export type Return = () => Promise<void>;

type State = "new" | "away" | "up" | "stopped";

/** More would wait in Redis, where their time runs: 10,000 logins at once must not look like an outage. */
const SCRIPTS_UNDER_WAY = 256;

/** This node's connections to Redis, and whether they can be counted on. */
export class Link {
  readonly #options: LinkOptions;
  readonly #outbound: Outbound;
  readonly #inbox: Inbox;
  readonly #whenAway: (() => void)[] = [];
  readonly #probes: Probes;
  readonly #pipe: Pipe;
  readonly #listener: Listener;
  readonly #returning: Returning;
  readonly #turns = new Turns(SCRIPTS_UNDER_WAY);
  #state: State = "new";
  #token = newToken();
  #node: NodeInfo | undefined;
  #sink: BackplaneSink | undefined;
  #commands: Redis | Cluster | undefined;
  #return: Return = async () => {};
  #watchdog: NodeJS.Timeout | undefined;
  #endStart: () => void = () => {};
  #isReported = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#inbox = new Inbox(options.traffic, (error) => this.#report("inbox", error));
    this.#outbound = new Outbound((token, text) => this.#publish(token, text), options.traffic);
    const probe = (line: string): Promise<unknown> => this.#publish(this.#token, textOf([line]));
    this.#probes = new Probes(probe, options.commandTimeoutMs);
    const receive = (text: string): void => {
      if (this.#sink !== undefined) this.#inbox.receive(text);
    };
    this.#listener = new Listener(receive, () => this.recover());
    this.#pipe = new Pipe(options.commandTimeoutMs, () => this.recover());
    this.#returning = new Returning({
      isPossible: () => this.#commands?.status === "ready" && !this.isStopped,
      attempt: async () => {
        await this.#listen();
        await this.#return();
      },
      onReturn: () => this.#isBack(),
      onFailure: (error) => this.#reportOutage(error),
    });
    this.on("Q", (fields) => this.#probes.heard(fields));
  }

  /** Names this incarnation of the node: where others reach it, and whose everything is that it has in Redis. */
  get token(): string {
    return this.#token;
  }

  /** @throws TidingsError `unavailable` before the start and after the stop, as `sink` does */
  get node(): NodeInfo {
    if (this.#node === undefined) throw this.#awayError();
    return this.#node;
  }

  get sink(): BackplaneSink {
    if (this.#sink === undefined) throw this.#awayError();
    return this.#sink;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** @throws TidingsError `unavailable` */
  assertUp(): void {
    if (this.#state !== "up") throw this.#awayError();
  }

  /** Resolves when the node is up for the first time, however long Redis takes to be there; rejects when it is stopped before. */
  async start(node: NodeInfo, sink: BackplaneSink, onReturn: Return): Promise<void> {
    if (this.#state !== "new") throw new TidingsError("unavailable", "a Redis backplane starts once");
    this.#state = "away";
    this.#node = node;
    this.#sink = sink;
    this.#return = onReturn;
    const started = new Promise<void>((resolve, reject) => {
      this.#endStart = () => (this.isUp ? resolve() : reject(this.#awayError()));
    });
    this.#connect();
    this.#watchdog = setInterval(() => void this.#watch(), this.#options.heartbeatMs).unref();
    await started;
  }

  /** Calls `onLeave` while Redis can still be reached, then releases the connections. */
  async stop(onLeave: () => Promise<void>): Promise<void> {
    const wasUp = this.#state === "up";
    if (this.#state === "up" || this.#state === "away") this.#goAway();
    this.#state = "stopped";
    clearInterval(this.#watchdog);
    this.#endStart();
    try {
      if (wasUp) await onLeave();
    } finally {
      this.#sink = undefined;
      this.#node = undefined;
      this.#pipe.close();
      this.#listener.close();
      this.#commands?.disconnect();
    }
  }

  /** Has a kind of lines handled when they arrive. A handler that throws is reported. */
  on(kind: Kind, handler: Handler): void {
    this.#inbox.on(kind, handler);
  }

  /** The same with the line as it came. */
  onLine(kind: Kind, handler: LineHandler): void {
    this.#inbox.onLine(kind, handler);
  }

  /** Has a function called whenever Redis is lost. */
  onAway(listener: () => void): void {
    this.#whenAway.push(listener);
  }

  /** Sends a line to a node before the tick is over; while Redis is away it is dropped and counted. */
  post(token: string, line: string): void {
    if (this.#state === "up") this.#outbound.post(token, line[0] as Kind, line);
    else this.dropped();
  }

  /** The same for a message, and for what it shares with others. */
  pass(token: string, shared: string, message: Message): void {
    if (this.#state === "up") this.#outbound.pass(token, shared, message);
    else this.dropped();
  }

  /** Sends the lines of this tick now. */
  flush(): void {
    this.#outbound.flush();
  }

  /** Counts a message that could not be sent. */
  dropped(): void {
    this.#options.traffic.dropped++;
  }

  /**
   * Runs a script in a partition.
   * @throws TidingsError `unavailable` while Redis is away: then it is not known whether the script has run
   */
  async run(script: Script, partition: number, args: ScriptArguments): Promise<unknown> {
    this.assertUp();
    return this.exec(script, partition, args);
  }

  /** The same while the node is returning or leaving. */
  async exec(script: Script, partition: number, args: ScriptArguments): Promise<unknown> {
    this.#options.traffic.ran(script);
    const turn = this.#turns.take();
    if (turn !== undefined) await turn;
    try {
      return await runScript(this.#ready(), script, baseOf(this.#options.prefix, partition), args);
    } catch (cause) {
      throw this.failed(script.name, cause);
    } finally {
      this.#turns.give();
    }
  }

  /** Whether there is a connection for {@link push}: on Redis Cluster it would take one to each master. */
  get canPush(): boolean {
    return this.#options.address.kind !== "cluster" && this.#pipe.isOpen;
  }

  /**
   * Has commands run as one transaction, whose answers are numbers; they are written down as Redis reads them, in pieces. It may be run before
   * or after what is sent otherwise.
   * @throws TidingsError `unavailable` while Redis is away: then it is not known whether they have been run
   */
  async push(commands: readonly string[], count: number): Promise<PipeAnswer> {
    this.assertUp();
    try {
      return await this.#pipe.transaction(commands, count);
    } catch (cause) {
      throw this.#pipeFailed("push", cause);
    }
  }

  /** What a failed command means; when Redis is away everything is announced again. */
  failed(what: string, cause: unknown): TidingsError {
    const failure = failureOf(what, cause);
    if (failure !== cause && failure.code === "unavailable") this.recover();
    return failure;
  }

  /** Something is amiss, so everything is announced again before the node counts as up. */
  recover(): void {
    if (this.#state === "new" || this.#state === "stopped") return;
    this.#goAway();
    void this.#returning.begin();
  }

  /** Takes another incarnation; the old one's inbox is no longer heard. */
  async renew(): Promise<void> {
    const former = this.#token;
    this.#token = newToken();
    const { prefix } = this.#options;
    await this.#listener.move(inboxOf(prefix, former), inboxOf(prefix, this.#token));
  }

  /** Resolves when a line of its own has come back; rejects when it does not. */
  async probe(): Promise<void> {
    this.assertUp();
    this.#options.traffic.sent("Q", 1);
    await this.#probes.ask();
  }

  #connect(): void {
    const commands = commandsClient(this.#options.address, this.#options.commandTimeoutMs);
    this.#commands = commands;
    commands.on("ready", () => void this.#returning.begin());
    commands.on("close", () => this.#goAway());
    commands.on("error", (error) => this.#reportOutage(error));
    // It gives up when a failover meets it in an attempt to connect: then another one takes its place.
    commands.once("end", () => {
      if (!this.isStopped) setTimeout(() => this.isStopped || this.#connect(), LONGEST_RETRY_MS).unref();
    });
    // The failure of a first attempt is one of its events.
    commands.connect().catch(() => undefined);
  }

  async #publish(token: string, text: string): Promise<void> {
    try {
      const { error } = await this.#pipe.call(publishOf(inboxOf(this.#options.prefix, token), text), 1);
      if (error !== undefined) throw error;
    } catch (cause) {
      throw this.#pipeFailed("publish", cause);
    }
  }

  /** What is under way fails when the node goes away, which is no news then. */
  #pipeFailed(what: string, cause: unknown): TidingsError {
    return this.isUp ? this.failed(what, cause) : failureOf(what, cause);
  }

  #ready(): Redis | Cluster {
    const commands = this.#commands;
    if (commands === undefined || commands.status !== "ready") throw this.#awayError();
    return commands;
  }

  #goAway(): void {
    if (this.#state !== "up") return;
    this.#state = "away";
    for (const listener of this.#whenAway) listener();
  }

  #isBack(): void {
    this.#state = "up";
    this.#isReported = false;
    this.#endStart();
  }

  async #listen(): Promise<void> {
    const { prefix } = this.#options;
    const commands = this.#ready();
    await pingMasters(commands);
    // A new one, for the old one may lead to who is the master no more.
    await this.#pipe.open(this.#besides(commands));
    const channels = [inboxOf(prefix, this.#token), castOf(prefix)];
    await this.#listener.open(() => this.#besides(commands), channels);
  }

  #besides(commands: Redis | Cluster): Redis {
    const { address, commandTimeoutMs } = this.#options;
    const connection = singleClient(address, commands, commandTimeoutMs);
    connection.on("error", (error) => this.#reportOutage(error));
    return connection;
  }

  async #watch(): Promise<void> {
    const { connection } = this.#listener;
    if (!this.isUp) return;
    try {
      await this.probe();
    } catch (error) {
      // Lost meanwhile, and perhaps replaced: that has been seen to already.
      if (!this.isUp || this.#listener.connection !== connection) return;
      this.#reportOutage(error);
      // Its end is what makes the node return on another connection.
      this.#listener.close();
    }
  }

  /** Once for each outage, however often the return fails. */
  #reportOutage(error: unknown): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#report("redis", error);
  }

  #report(stage: string, error: unknown): void {
    this.#sink?.report(stage, error);
  }

  #awayError(): TidingsError {
    const because = { new: "has not been started", stopped: "was stopped", away: "is away", up: "is away" };
    return new TidingsError("unavailable", `the backplane ${because[this.#state]}`);
  }
}

const newToken = (): string => randomBytes(9).toString("base64url");
