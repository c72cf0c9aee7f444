import type { Channel } from "../../../protocol/protocol.ts";
import type { Bus } from "../bus/bus.ts";
import { lua, type RunScript, script } from "../connection/connection.ts";
import { KEY, partitionOf } from "../wire/keys.ts";
import { LINE } from "../wire/lines.ts";

/** Channels in the route cache; beyond it the oldest entry is evicted. About 100 bytes each. */
const MAX_CACHED = 200_000;
const MAX_DISTINCT_ROUTES = 10_000;
/**
 * Lifetime of a subscription to invalidations in Redis. The cache is cleared twice in it, so no route outlives its
 * subscription.
 */
const SUBSCRIPTION_MS = 3_600_000;
const CACHE_MS = SUBSCRIPTION_MS / 2;

export const LOOK_UP = script(
  "lookup",
  lua`
-- Looks up the nodes of channels, and subscribes the asking node to their invalidations.
-- KEYS[1]  base of the channels' partition
-- ARGV[1]  token of the asking node
-- ARGV[2]  lifetime of the subscriptions, ms
-- ARGV[3…] channels
-- reply    of each channel: tokens of its nodes without the asking one, separated by spaces
local reply = {}
for index = 3, #ARGV do
  local channel = ARGV[index]
  local subscribers = key("${KEY.subscribers}", channel)
  redis.call("SADD", subscribers, ARGV[1])
  redis.call("PEXPIRE", subscribers, ARGV[2])
  local others = {}
  for _, token in ipairs(nodes_of(base, channel)) do
    if token ~= ARGV[1] then others[#others + 1] = token end
  end
  reply[#reply + 1] = table.concat(others, " ")
end
return reply
`,
);

export const COMPARE_ROUTES = script(
  "compare-routes",
  lua`
-- Finds channels whose invalidations the asking node would not get.
-- KEYS[1]  base of the channels' partition
-- ARGV[1]  token of the asking node
-- ARGV[2…] channels
-- reply    these channels
local missing = {}
for index = 2, #ARGV do
  if redis.call("SISMEMBER", key("${KEY.subscribers}", ARGV[index]), ARGV[1]) == 0 then
    table.insert(missing, ARGV[index])
  end
end
return missing
`,
);

/** Tokens of the other nodes with members of a channel. Channels with the same nodes share one array. */
export type Route = readonly string[];

/** A look-up in progress. */
interface LookUp {
  readonly channel: Channel;
  /** True after an invalidation since the script was called: its reply may be outdated. */
  isStale: boolean;
  readonly found: Promise<Route>;
  readonly resolve: (route: Route) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Route cache: the other nodes with members of each channel. The script that changes a channel's nodes sends the
 * invalidation to all nodes that cache its route. So a cached route is outdated only until the invalidation arrives,
 * and a message whose receivers are all on this node costs Redis nothing.
 */
export class Directory {
  readonly #run: RunScript;
  readonly #bus: Bus;
  readonly #routes = new Map<Channel, Route>();
  /**
   * Routes by the text of the reply. Many channels have the same nodes: one array for all saves memory and cache
   * misses.
   */
  readonly #routesByText = new Map<string, Route>();
  readonly #lookUps = new Map<Channel, LookUp>();
  readonly #timer: NodeJS.Timeout;
  readonly #pauseMs: number;
  readonly #clock: NodeJS.Timeout;
  /** When the event loop last turned, as far as the clock has seen. */
  #seenAt = performance.now();
  #asking: LookUp[] = [];
  #version = 0;

  /**
   * @param pauseMs a node that was stopped for longer may have missed invalidations for which others no longer wait. It
   * must be shorter than the timeout of their confirmation
   * @param onInvalidated called with each channel of an invalidation
   */
  constructor(run: RunScript, bus: Bus, pauseMs: number, onInvalidated: (channel: Channel) => void) {
    this.#run = run;
    this.#bus = bus;
    this.#pauseMs = pauseMs;
    this.#timer = setInterval(() => this.clear(), CACHE_MS).unref();
    this.#clock = setInterval(() => {
      this.clearAfterPause();
      this.#seenAt = performance.now();
    }, pauseMs / 4).unref();
    // The channel was checked by this node, which asked for it.
    bus.on(LINE.invalidate, ([, channel]) => {
      this.#invalidate(channel as Channel);
      onInvalidated(channel as Channel);
    });
  }

  /** Counts invalidations and clears. While it is unchanged, no cached route has changed. */
  get version(): number {
    return this.#version;
  }

  /** The channel's route; a promise if Redis has to be asked. */
  route(channel: Channel): Route | Promise<Route> {
    const cached = this.#routes.get(channel);
    if (cached !== undefined) return cached;
    return (this.#lookUps.get(channel) ?? this.#lookUp(channel)).found;
  }

  /** Empties the cache: before subscriptions in Redis end, and after an outage, which may have lost invalidations. */
  clear(): void {
    this.#version++;
    this.#routes.clear();
    for (const lookUp of this.#lookUps.values()) lookUp.isStale = true;
  }

  /** Channels with a cached route. */
  get channels(): Iterable<Channel> {
    return this.#routes.keys();
  }

  /**
   * Drops cached routes of one partition whose subscription Redis has lost.
   * @returns number of routes dropped
   */
  async compare(channels: readonly Channel[], partition: number): Promise<number> {
    const cached = channels.filter((channel) => this.#routes.has(channel));
    if (cached.length === 0) return 0;
    const missing = (await this.#run(COMPARE_ROUTES, partition, [this.#bus.token, ...cached])) as Channel[]; // a part of `cached`
    // A route that an invalidation has dropped meanwhile was no difference.
    const outdated = missing.filter((channel) => this.#routes.has(channel));
    for (const channel of outdated) this.#invalidate(channel);
    return outdated.length;
  }

  /** Empties the cache if this process was stopped. Called before routes are used: clients may be read before Redis. */
  clearAfterPause(): void {
    const now = performance.now();
    if (now - this.#seenAt <= this.#pauseMs) return;
    this.#seenAt = now;
    this.clear();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearInterval(this.#clock);
  }

  #invalidate(channel: Channel): void {
    if (this.#routes.delete(channel)) this.#version++;
    const lookUp = this.#lookUps.get(channel);
    if (lookUp !== undefined) lookUp.isStale = true;
  }

  #lookUp(channel: Channel): LookUp {
    const lookUp: LookUp = { channel, isStale: false, ...routePromise() };
    this.#lookUps.set(channel, lookUp);
    this.#ask(lookUp);
    return lookUp;
  }

  /** Look-ups of one tick share a script call for each partition. */
  #ask(lookUp: LookUp): void {
    if (this.#asking.length === 0) queueMicrotask(() => this.#askAll());
    this.#asking.push(lookUp);
  }

  #askAll(): void {
    const byPartition = Map.groupBy(this.#asking, ({ channel }) => partitionOf(channel));
    this.#asking = [];
    for (const [partition, lookUps] of byPartition) void this.#askPartition(partition, lookUps);
  }

  async #askPartition(partition: number, lookUps: readonly LookUp[]): Promise<void> {
    for (const lookUp of lookUps) lookUp.isStale = false;
    try {
      const channels = lookUps.map(({ channel }) => channel);
      const args = [this.#bus.token, SUBSCRIPTION_MS, ...channels];
      const reply = (await this.#run(LOOK_UP, partition, args)) as string[]; // as the script replies
      for (const [index, text] of reply.entries()) this.#found(lookUps[index], text);
    } catch (error) {
      for (const lookUp of lookUps) {
        this.#lookUps.delete(lookUp.channel);
        lookUp.reject(error);
      }
    }
  }

  #found(lookUp: LookUp | undefined, text: string): void {
    if (lookUp === undefined) return;
    if (lookUp.isStale) {
      this.#ask(lookUp);
      return;
    }
    const route = this.#routeOf(text);
    this.#lookUps.delete(lookUp.channel);
    this.#cache(lookUp.channel, route);
    lookUp.resolve(route);
  }

  #routeOf(text: string): Route {
    const known = this.#routesByText.get(text);
    if (known !== undefined) return known;
    const route = text === "" ? NO_NODES : text.split(" ");
    if (this.#routesByText.size === MAX_DISTINCT_ROUTES) this.#routesByText.clear();
    this.#routesByText.set(text, route);
    return route;
  }

  #cache(channel: Channel, route: Route): void {
    this.#routes.set(channel, route);
    if (this.#routes.size <= MAX_CACHED) return;
    const [oldest] = this.#routes.keys();
    if (oldest !== undefined) this.#routes.delete(oldest);
  }
}

const NO_NODES: Route = [];

function routePromise(): Pick<LookUp, "found" | "resolve" | "reject"> {
  const { promise: found, resolve, reject } = Promise.withResolvers<Route>();
  // Each caller that awaits it handles the failure itself.
  found.catch(() => undefined);
  return { found, resolve, reject };
}
