import { randomBytes } from "node:crypto";
import { TidingsError } from "../../../protocol/protocol.ts";
import type { Message } from "../../message.ts";
import { type Connection, Subscriber } from "../connection/connection.ts";
import { castOf, inboundOf, REGISTRY } from "../wire/keys.ts";
import { type Kind, LINE, lineOf, payloadOf } from "../wire/lines.ts";
import { DeafNodes } from "./deaf-nodes.ts";
import { type Handler, Inbound, type LineHandler } from "./inbound.ts";
import { Outbound } from "./outbound.ts";
import { Requests } from "./requests.ts";
import { TELL } from "./scripts.ts";
import { SilentNodes } from "./silent-nodes.ts";
import type { TrafficCounts } from "./traffic.ts";

export interface BusOptions {
  /** A probe that takes longer fails. */
  readonly commandTimeoutMs: number;
  /** Pause between the probes of the watchdog. */
  readonly heartbeatMs: number;
  readonly traffic: TrafficCounts;
  /** True on Redis Cluster. @default false */
  readonly isCluster?: boolean;
  /** Called with the failure of a handler, and with a payload that cannot be read. */
  readonly onError: (error: unknown) => void;
}

/** Lines between the nodes, over Redis Pub/Sub. At most once: the bus drops and counts what it cannot send. */
export class Bus {
  /** Nodes that did not answer a request in time. */
  readonly silent = new SilentNodes((token) => token === this.#token);
  /** Nodes to which the last PUBLISH found no subscriber. */
  readonly deaf: DeafNodes;
  readonly #connection: Connection;
  readonly #options: BusOptions;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #subscriber: Subscriber;
  readonly #probes: Requests;
  #token = newToken();
  #watchdog: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(connection: Connection, options: BusOptions) {
    const { traffic, onError, commandTimeoutMs } = options;
    this.#connection = connection;
    this.#options = options;
    this.deaf = new DeafNodes(() => this.#token, options.isCluster === true);
    this.#inbound = new Inbound(traffic, onError);
    this.#outbound = new Outbound((token, payload) => this.#publish(token, payload), traffic);
    this.#subscriber = new Subscriber(
      (payload) => this.#receive(payload),
      () => connection.subscriberLost(),
    );
    this.#probes = new Requests(commandTimeoutMs);
    // All nodes hear the probes of the channel for all.
    this.on(LINE.probe, ([, probe = "", token]) => {
      if (token === this.#token) this.#probes.answered(probe, PROBED);
    });
    this.on(LINE.hail, ([, from = ""]) => this.answer(from, lineOf(LINE.alive, this.#token)));
    this.on(LINE.alive, ([, token = ""]) => this.silent.heard(token));
  }

  /** Token of this incarnation of the node: its address on the bus, and the owner of its data in Redis. */
  get token(): string {
    return this.#token;
  }

  /** Starts the watchdog: a dead connection may look alive, and then no line from other nodes arrives. */
  start(): void {
    this.#watchdog = setInterval(() => void this.#watch(), this.#options.heartbeatMs).unref();
  }

  /**
   * Subscribes to the lines for this node, at the start and after each outage, and proves that what Redis must let this
   * node do works: to publish, to receive, to run scripts and transactions.
   */
  async open(): Promise<void> {
    const channels = this.#channels;
    await this.#subscriber.open(() => this.#connection.newClient(), channels);
    await this.#connection.checkRights(channels);
    for (const channel of channels) await this.#probe(channel);
    this.silent.clear();
  }

  /** Tells all nodes that this one can be heard again. At most once: a hail would find out too, a heartbeat later. */
  announce(): void {
    this.cast(lineOf(LINE.alive, this.#token));
  }

  /** Sends a line to all nodes now, this one included. At most once. */
  cast(line: string): void {
    this.#publishNow(castOf(this.#connection.pubSub), line);
  }

  /** Ends the subscription: from here on no handler is called. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#watchdog);
    this.#subscriber.close();
  }

  /** Registers the handler of a kind of lines. A handler that throws is reported. */
  on(kind: Kind, handler: Handler): void {
    this.#inbound.on(kind, handler);
  }

  /** Registers a handler that gets each line whole. */
  onLine(kind: Kind, handler: LineHandler): void {
    this.#inbound.onLine(kind, handler);
  }

  /** Posts a line to a node before the tick ends. During an outage the line is dropped. */
  post(token: string, line: string): void {
    if (this.#connection.isUp)
      this.#outbound.post(token, line[0] as Kind, line); // `lineOf` writes the kind first
    else this.dropped();
  }

  /**
   * Answers a request of another node, also while this one recovers: it hears the request then, and the other waits for
   * the answer.
   */
  answer(token: string, line: string): void {
    if (this.#connection.isUp) this.post(token, line);
    else this.#publishNow(inboundOf(this.#connection.pubSub, token), line);
  }

  /** Posts a line by a script, which works while this node recovers too. @throws TidingsError `unavailable` */
  async tell(token: string, line: string): Promise<void> {
    this.#options.traffic.sent(line[0] as Kind, 1); // `lineOf` writes the kind first
    await this.#connection.exec(TELL, REGISTRY, [token, line]);
  }

  /**
   * Posts a message to a node, as {@link post} does. @param shared the fields that it has in common with other messages
   */
  pass(token: string, shared: string, message: Message): void {
    if (this.#connection.isUp) this.#outbound.pass(token, shared, message);
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

  /** Takes a new incarnation. Lines for the former one do not arrive any more. */
  async renew(): Promise<void> {
    const { pubSub } = this.#connection;
    const former = this.#token;
    this.#token = newToken();
    await this.#subscriber.move(inboundOf(pubSub, former), inboundOf(pubSub, this.#token));
  }

  /**
   * Sends a probe to this node over Redis, as all lines are sent, and resolves when the probe has arrived.
   * @throws TidingsError `unavailable` when the probe does not arrive in time
   */
  async probe(): Promise<void> {
    this.#connection.assertUp();
    await this.#probe(inboundOf(this.#connection.pubSub, this.#token));
  }

  /** Channels on which this node hears lines. */
  get #channels(): string[] {
    const { pubSub } = this.#connection;
    return [inboundOf(pubSub, this.#token), castOf(pubSub)];
  }

  async #probe(channel: string): Promise<void> {
    this.#options.traffic.sent(LINE.probe, 1);
    const answers = await this.#probes.ask(async (probe) => {
      await this.#connection.publish(channel, payloadOf([lineOf(LINE.probe, probe, this.#token)]));
      return [PROBED];
    });
    if (answers.size > 0) return;
    throw new TidingsError(
      "unavailable",
      `Redis did not deliver the node's probe within ${this.#options.commandTimeoutMs} ms`,
    );
  }

  /** Publishes a line also while this node recovers. A failure asks for no further attempt to recover. */
  #publishNow(channel: string, line: string): void {
    this.#options.traffic.sent(line[0] as Kind, 1); // `lineOf` writes the kind first
    this.#connection.publish(channel, payloadOf([line])).catch(() => this.dropped());
  }

  async #publish(token: string, payload: string): Promise<void> {
    const inbox = inboundOf(this.#connection.pubSub, token);
    this.deaf.published(token, await this.#connection.publish(inbox, payload));
  }

  #receive(payload: string): void {
    if (!this.#isStopped) this.#inbound.receive(payload);
  }

  async #watch(): Promise<void> {
    const { client } = this.#subscriber;
    if (!this.#connection.isUp) return;
    for (const token of this.silent.hail()) this.post(token, lineOf(LINE.hail, this.#token));
    try {
      // A right that was revoked does not end a subscription, but the next one would fail.
      await this.#subscriber.confirm(this.#channels);
      await this.probe();
    } catch (error) {
      // The connection was lost meanwhile, and perhaps replaced: recovery has begun already.
      if (!this.#connection.isUp || this.#subscriber.client !== client) return;
      // The end of the subscription starts recovery, which opens another one.
      this.#subscriber.close();
      this.#connection.recover();
      this.#connection.reportOutage(error);
    }
  }
}

/** Name under which this node answers its probes: its token may change while one is under way. */
const PROBED = "";

const newToken = (): string => randomBytes(9).toString("base64url");

export { DeafNodes } from "./deaf-nodes.ts";
export { type CallRoll, Requests } from "./requests.ts";
export { TELL } from "./scripts.ts";
export { SilentNodes } from "./silent-nodes.ts";
export { TrafficCounts } from "./traffic.ts";
