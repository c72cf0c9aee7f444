import type { Channel } from "../../protocol/protocol.ts";
import type { Bus } from "./bus/bus.ts";
import { type RunScript, script } from "./connection/connection.ts";
import { partitionOf } from "./keys.ts";

/** Channels whose nodes are remembered; beyond it the one longest unused is forgotten. About 100 bytes each. */
const MAX_CACHED = 200_000;
const MAX_KNOWN = 10_000;
/** How long Redis remembers who has cached a channel: longer than anybody does, because nodes forget everything now and then. */
const READERS_MS = 3_600_000;
const CACHED_MS = READERS_MS / 2;

/** ARGV: token, lifetime of the readers, channels. One answer for each: its nodes, without the one that asks. */
export const LOOK_UP = script(
  "lookup",
  `
local answers = {}
for index = 3, #ARGV do
  local channel = ARGV[index]
  local readers = key("r", channel)
  redis.call("SADD", readers, ARGV[1])
  redis.call("PEXPIRE", readers, ARGV[2])
  local others = {}
  for _, token in ipairs(nodes_of(base, channel)) do
    if token ~= ARGV[1] then others[#others + 1] = token end
  end
  answers[#answers + 1] = table.concat(others, " ")
end
return answers
`,
);

/** Who must be told: the other nodes with members of a channel. One array for all channels with the same ones. */
export type Route = readonly string[];

interface Search {
  readonly channel: Channel;
  /** Something has changed since the question was asked. */
  isStale: boolean;
  readonly found: Promise<Route>;
  readonly resolve: (route: Route) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The other nodes with members of each channel, remembered. Redis itself tells the nodes that have asked as soon as the answer changes
 * (in the script that changes it), so no stale route outlives that, and what has its receivers here costs Redis nothing.
 */
export class Directory {
  readonly #run: RunScript;
  readonly #bus: Bus;
  readonly #routes = new Map<Channel, Route>();
  /** By their texts. Many channels are on the same nodes: one array for all of them is less to keep, and to fetch from memory. */
  readonly #known = new Map<string, Route>();
  readonly #searches = new Map<Channel, Search>();
  readonly #timer: NodeJS.Timeout;
  #asking: Search[] = [];
  #version = 0;

  constructor(run: RunScript, bus: Bus) {
    this.#run = run;
    this.#bus = bus;
    this.#timer = setInterval(() => this.clear(), CACHED_MS).unref();
    bus.on("I", ([, channel]) => this.#forget(channel as Channel)); // it comes back as it was asked for
  }

  /** While it is the same, every route is what it was. */
  get version(): number {
    return this.#version;
  }

  /** The channel's nodes; a promise when Redis has to be asked. */
  route(channel: Channel): Route | Promise<Route> {
    const known = this.#routes.get(channel);
    if (known !== undefined) return known;
    return (this.#searches.get(channel) ?? this.#search(channel)).found;
  }

  /** Forgets everything: what was true may have changed without a word. */
  clear(): void {
    this.#version++;
    this.#routes.clear();
    for (const search of this.#searches.values()) search.isStale = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #forget(channel: Channel): void {
    if (this.#routes.delete(channel)) this.#version++;
    const search = this.#searches.get(channel);
    if (search !== undefined) search.isStale = true;
  }

  #search(channel: Channel): Search {
    const search: Search = { channel, isStale: false, ...promise() };
    this.#searches.set(channel, search);
    this.#ask(search);
    return search;
  }

  /** Questions of the same tick go together. */
  #ask(search: Search): void {
    if (this.#asking.length === 0) queueMicrotask(() => this.#askAll());
    this.#asking.push(search);
  }

  #askAll(): void {
    const byPartition = Map.groupBy(this.#asking, ({ channel }) => partitionOf(channel));
    this.#asking = [];
    for (const [partition, searches] of byPartition) void this.#lookUp(partition, searches);
  }

  async #lookUp(partition: number, searches: readonly Search[]): Promise<void> {
    for (const search of searches) search.isStale = false;
    try {
      const channels = searches.map(({ channel }) => channel);
      const answers = await this.#run(LOOK_UP, partition, [this.#bus.token, READERS_MS, ...channels]);
      for (const [index, text] of (answers as string[]).entries()) this.#found(searches[index], text); // by the script
    } catch (error) {
      for (const search of searches) {
        this.#searches.delete(search.channel);
        search.reject(error);
      }
    }
  }

  #found(search: Search | undefined, text: string): void {
    if (search === undefined) return;
    if (search.isStale) {
      this.#ask(search);
      return;
    }
    const route = this.#routeOf(text);
    this.#searches.delete(search.channel);
    this.#remember(search.channel, route);
    search.resolve(route);
  }

  #routeOf(text: string): Route {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const route = text === "" ? NOWHERE : text.split(" ");
    if (this.#known.size === MAX_KNOWN) this.#known.clear();
    this.#known.set(text, route);
    return route;
  }

  #remember(channel: Channel, route: Route): void {
    this.#routes.set(channel, route);
    if (this.#routes.size <= MAX_CACHED) return;
    const [oldest] = this.#routes.keys();
    if (oldest !== undefined) this.#routes.delete(oldest);
  }
}

const NOWHERE: Route = [];

function promise(): Pick<Search, "found" | "resolve" | "reject"> {
  const { promise: found, resolve, reject } = Promise.withResolvers<Route>();
  // Whoever waits gets the failure as well.
  found.catch(() => undefined);
  return { found, resolve, reject };
}
