import { clientNetwork, Networks, RateCounter } from "../../limit/limit.ts";
import type { Connection } from "../../local/local.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import { ClientLimits } from "./client.ts";
import { StepClock } from "./clock.ts";
import { ConnectLimits } from "./connects.ts";
import { KeyedCounters, type SharedCounter } from "./counters.ts";
import { RefusedPlace } from "./place.ts";
import { type LimitRates, LiveRate, type RateName } from "./rates.ts";

/** Names of all limits in metrics. */
export const LIMIT_NAMES = [
  "http",
  "api_key",
  "connects_address",
  "connects_node",
  "logins_address",
  "logins_user",
  "messages_connection",
  "messages_user",
  "messages_address",
  "actions_user",
  "stored_bytes",
] as const;

export type LimitName = (typeof LIMIT_NAMES)[number];

/** How often each limit has allowed and denied something since the start. */
export type LimitCounts = Record<LimitName, number>;

const zeros = (): LimitCounts => Object.fromEntries(LIMIT_NAMES.map((name) => [name, 0])) as LimitCounts; // every name

/** Messages and requests of a user that a node reads without a pause. */
const BURST = 1_000;

/** The node reads more of them so many times as fast as the rate allows on average: a whole minute's allowance at once would delay everybody else. */
const PACE = 2;

/** Longest time for one message at that pace, in milliseconds: a thousand a second delay nobody, and a rate a day must not make a user wait. */
const MAX_GAP_MS = 1;

/** Least pause, in milliseconds: a shorter one would cost more than it spreads. */
const LEAST_PAUSE_MS = 20;

/** Bits of an IPv6 address that name a client: a provider gives each customer a network of this size at least. */
const IPV6_PREFIX = 64;

/**
 * Limits on what clients do: by connection, user and address. A message within its limits costs no look-up, no allocation and no
 * promise. All counters are of this node.
 */
export class Limits {
  /** Is told of each refusal. @default nobody */
  refused: ((error: TidingsError, connection?: Connection) => void) | undefined;
  readonly allowed = zeros();
  readonly denied = zeros();
  readonly #rates: Readonly<Record<RateName, LiveRate>>;
  readonly #actions = new Map<string, LiveRate>();
  readonly #connects: ConnectLimits;
  readonly #addressLogins: KeyedCounters;
  readonly #userLogins: KeyedCounters;
  readonly #apiKeys: KeyedCounters;
  readonly #users: KeyedCounters;
  readonly #addresses: KeyedCounters;
  readonly #clock = new StepClock();
  #exempt: Networks;
  #version = 0;

  constructor(rates: LimitRates) {
    this.#rates = {
      apiKeyRate: new LiveRate(rates.apiKeyRate),
      connectsPerAddress: new LiveRate(rates.connectsPerAddress),
      loginsPerAddress: new LiveRate(rates.loginsPerAddress),
      loginsPerUser: new LiveRate(rates.loginsPerUser),
      messagesPerConnection: new LiveRate(rates.messagesPerConnection),
      messagesPerUser: new LiveRate(rates.messagesPerUser),
      messagesPerAddress: new LiveRate(rates.messagesPerAddress),
      refusalsPerConnection: new LiveRate(rates.refusalsPerConnection),
      refusalsPerAddress: new LiveRate(rates.refusalsPerAddress),
    };
    this.#connects = new ConnectLimits(this.#rates.connectsPerAddress, this.#rates.refusalsPerAddress);
    this.#addressLogins = new KeyedCounters(this.#rates.loginsPerAddress);
    this.#userLogins = new KeyedCounters(this.#rates.loginsPerUser);
    this.#apiKeys = new KeyedCounters(this.#rates.apiKeyRate);
    this.#users = new KeyedCounters(this.#rates.messagesPerUser);
    this.#addresses = new KeyedCounters(this.#rates.messagesPerAddress);
    this.#exempt = new Networks(rates.whitelistCIDRs);
    this.#setActions(rates.actionsPerUser);
  }

  /** Replaces all rates. Windows that have begun go on, with the new rate. */
  update(rates: LimitRates): void {
    // The names of the rates are those of their settings.
    for (const name of Object.keys(this.#rates) as RateName[]) this.#rates[name].set(rates[name]);
    this.#exempt = new Networks(rates.whitelistCIDRs);
    this.#setActions(rates.actionsPerUser);
    this.#version++;
  }

  stop(): void {
    this.#clock.stop();
  }

  /** Counts a decision that was made elsewhere. */
  count(name: LimitName, isAllowed: boolean): void {
    if (isAllowed) this.allowed[name]++;
    else this.denied[name]++;
  }

  /**
   * Counts an attempt to connect.
   * @param maxWaitMs refuse it when it would have to wait longer. @default 5_000 // 5 s
   * @returns milliseconds that it has to wait, because too many connects of its address came at once
   * @throws TidingsError `rate_limited`
   */
  assertConnect(address: string, maxWaitMs?: number): number {
    const network = this.#networkOf(address);
    if (network === undefined) return 0;
    const { waitMs, retryAfterMs } = this.#connects.take(network, performance.now(), maxWaitMs);
    if (retryAfterMs > 0) throw this.#error("connects_address", "connects from one address", retryAfterMs);
    this.allowed.connects_address++;
    return waitMs;
  }

  /**
   * Decides about a new socket, of which nothing has been read.
   * @param peer address of its other end
   * @returns true for an address that goes on to connect after many refusals: its sockets get no answer
   */
  refusesSocket(peer: string): boolean {
    const now = performance.now();
    if (!this.#connects.hasAbuse(now)) return false;
    const network = this.#networkOf(peer);
    if (network === undefined || !this.#connects.isAbusive(network, now)) return false;
    this.denied.connects_address++;
    return true;
  }

  /** Counts a login before its credentials are verified. @throws TidingsError `rate_limited` */
  assertLogin(address: string | undefined): void {
    this.#assert("logins_address", "logins from one address", this.#addressLogins, this.#networkOf(address));
  }

  /** Counts a login whose credentials are valid. @throws TidingsError `rate_limited` */
  assertLoginOf(user: string): void {
    this.#assert("logins_user", "logins of one user", this.#userLogins, user);
  }

  /** Counts a request with an API key. @param id of the key @throws TidingsError `rate_limited` */
  assertApiKey(id: string): void {
    this.#assert("api_key", "requests with this API key", this.#apiKeys, id);
  }

  /**
   * Counts a message or request of a client.
   * @param key of a message that its client repeats when it is refused: later ones with a key do not overtake it
   * @returns the error for the client when a limit refuses it
   */
  message(connection: Connection, key?: string): TidingsError | undefined {
    const client = connection.attached(ClientLimits);
    const refusal = this.#behind(client.arrival, key) ?? this.#takeAll(client, connection);
    if (refusal === undefined) return undefined;
    this.keepPlace(connection, "arrival", key, refusal);
    return this.#told(refusal, connection);
  }

  /** @returns milliseconds that the node should not read on, because the user sends faster than its pace; 0: it may */
  pauseMs(connection: Connection): number {
    const pacedTo = connection.attachment(ClientLimits)?.user?.pacedTo;
    if (pacedTo === undefined) return 0;
    const aheadMs = pacedTo - this.#clock.now;
    if (aheadMs < LEAST_PAUSE_MS) return 0;
    // A step behind, the clock would find a pause that is over.
    const pauseMs = pacedTo - this.#clock.read();
    return pauseMs < LEAST_PAUSE_MS ? 0 : pauseMs;
  }

  /**
   * Asks whether a message may be published now, or waits behind one that was refused then.
   * @throws TidingsError `rate_limited`
   */
  assertTurn(connection: Connection, key: string | undefined): void {
    const refusal = this.#behind(connection.attachment(ClientLimits)?.publish, key);
    if (refusal !== undefined) throw refusal;
  }

  /** Keeps the place of a message that a limit has refused, when its client repeats it. */
  keepPlace(
    connection: Connection,
    stage: "arrival" | "publish",
    key: string | undefined,
    { code, retryAfterMs }: TidingsError,
  ): void {
    if (key === undefined || code !== "rate_limited" || retryAfterMs === undefined) return;
    const client = connection.attached(ClientLimits);
    client[stage] ??= new RefusedPlace();
    client[stage].keep(key, this.#clock.now, retryAfterMs);
  }

  #behind(place: RefusedPlace | undefined, key: string | undefined): TidingsError | undefined {
    if (place === undefined || key === undefined) return undefined;
    const waitMs = Math.ceil(place.waitMs(key, this.#clock.now));
    if (waitMs === 0) return undefined;
    return this.#error("messages_connection", "messages before this one", waitMs);
  }

  #takeAll(client: ClientLimits, connection: Connection): TidingsError | undefined {
    const { now } = this.#clock;
    const refusal = this.#takeOwn(client, now);
    if (refusal !== undefined) return refusal;
    const user = this.#userOf(client, connection, now);
    user.takenAt = now;
    if (!this.#take(user, now)) return this.#refusal("messages_user", "messages of a user", user);
    this.allowed.messages_user++;
    this.#pace(user, now);
    const address = this.#addressOf(client, connection, now);
    if (address === undefined) return undefined;
    address.takenAt = now;
    if (!this.#take(address, now)) {
      return this.#refusal("messages_address", "messages from an address", address);
    }
    this.allowed.messages_address++;
    return undefined;
  }

  /**
   * Counts a ping, for its connection only: idle connections ping, and further counters would cost each of them memory.
   * @returns the error for the client when a limit refuses it
   */
  ping(connection: Connection): TidingsError | undefined {
    return this.#takeOwn(connection.attached(ClientLimits), this.#clock.now);
  }

  /** Counts a request by its action. @returns the error for the client when a limit refuses it */
  action(connection: Connection, action: string): TidingsError | undefined {
    const source = this.#actions.get(action);
    if (source === undefined) return undefined;
    const { now } = this.#clock;
    const user = this.#userOf(connection.attached(ClientLimits), connection, now);
    user.actions ??= new Map();
    const counter = user.actions.get(action) ?? new RateCounter(source);
    user.actions.set(action, counter);
    if (!this.#take(counter, now)) {
      return this.#told(this.#refusal("actions_user", `requests ${action} of a user`, counter), connection);
    }
    this.allowed.actions_user++;
    return undefined;
  }

  #told(error: TidingsError, connection: Connection): TidingsError {
    this.refused?.(error, connection);
    return error;
  }

  /** Counts a refusal. @returns true when the client goes on for so long that its connection should end */
  isAbuse(connection: Connection): boolean {
    const client = connection.attached(ClientLimits);
    client.refusals ??= new RateCounter(this.#rates.refusalsPerConnection);
    return !client.refusals.take(this.#clock.now);
  }

  #takeOwn(client: ClientLimits, now: number): TidingsError | undefined {
    client.own ??= new RateCounter(this.#rates.messagesPerConnection);
    if (!this.#take(client.own, now)) {
      return this.#refusal("messages_connection", "messages of a connection", client.own);
    }
    this.allowed.messages_connection++;
    return undefined;
  }

  #pace(user: SharedCounter, now: number): void {
    const { limit, windowMs } = this.#rates.messagesPerUser.rate;
    user.pacedTo = user.pacedWith(now, Math.min(windowMs / limit / PACE, MAX_GAP_MS), BURST);
  }

  /**
   * Takes one from an allowance. Only a refusal reads the time: a step behind it would refuse the first messages of a
   * client that has waited as it was told, and let later ones overtake them.
   */
  #take(counter: RateCounter, now: number): boolean {
    return counter.take(now) || counter.take(this.#clock.read());
  }

  #setActions(rates: LimitRates["actionsPerUser"]): void {
    for (const action of this.#actions.keys())
      if (!Object.hasOwn(rates, action)) this.#actions.delete(action);
    for (const [action, text] of Object.entries(rates)) {
      const known = this.#actions.get(action);
      if (known === undefined) this.#actions.set(action, new LiveRate(text));
      else known.set(text);
    }
  }

  #userOf(client: ClientLimits, { user }: Connection, now: number): SharedCounter {
    if (client.user === undefined || client.user.isForgotten) client.user = this.#users.of(user, now);
    return client.user;
  }

  #addressOf(client: ClientLimits, { address }: Connection, now: number): SharedCounter | undefined {
    if (client.version !== this.#version || client.address?.isForgotten === true) {
      const network = this.#networkOf(address);
      client.address = network === undefined ? undefined : this.#addresses.of(network, now);
      client.version = this.#version;
    }
    return client.address;
  }

  /** The part of an address that counts as one client. @returns undefined for one that is not known or not limited */
  #networkOf(address: string | undefined): string | undefined {
    if (address === undefined || address === "" || this.#exempt.has(address)) return undefined;
    return clientNetwork(address, IPV6_PREFIX);
  }

  #assert(name: LimitName, what: string, counters: KeyedCounters, key: string | undefined): void {
    if (key === undefined) return;
    const retryAfterMs = counters.take(key, performance.now());
    if (retryAfterMs > 0) throw this.#error(name, what, retryAfterMs);
    this.allowed[name]++;
  }

  #refusal(name: LimitName, what: string, counter: RateCounter): TidingsError {
    // One more, because a timer may fire a fraction of a millisecond early.
    return this.#error(name, what, Math.max(1, counter.retryAfterMs(this.#clock.now)) + 1);
  }

  #error(name: LimitName, what: string, retryAfterMs: number): TidingsError {
    this.denied[name]++;
    return new TidingsError("rate_limited", `too many ${what}: try again in ${retryAfterMs} ms`, {
      retryAfterMs,
    });
  }
}

export { limitNotice } from "./notice.ts";
export type { LimitRates } from "./rates.ts";
