import { type Channel, TidingsError } from "../../../protocol/protocol.ts";
import type { LocalNode } from "../../local-node.ts";
import type { Health, Mending } from "../../port.ts";
import type { TrafficCounts } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import type { Registry } from "../nodes/registry.ts";
import type { Mended, RedisPresence } from "../presence/presence.ts";
import { EVERY_PARTITION, partitionOf, partitionOfGroup, partitionOfUser } from "../wire/keys.ts";
import { type Plan, planEach, planOf } from "./entries.ts";
import { Rounds } from "./rounds.ts";
import { compareSchedule } from "./schedule.ts";
import { riskySettings } from "./settings.ts";

/** The channels of a part of this node, and their comparison with Redis. */
interface ComparedChannels {
  readonly channels: Iterable<Channel>;
  /** Compares channels of one partition, and sets right what differs. @returns number of differences */
  compare(channels: readonly Channel[], partition: number): Promise<number>;
}

/** The identities of the partitions' data, as this node knows them. */
interface Identities {
  /** Compares one with Redis. Data that were lost are accepted as new, and the listeners are told. */
  check(partition: number): Promise<void>;
  onLost(listener: (partition: number) => void): void;
}

export interface ComparisonParts {
  readonly connection: Connection;
  readonly node: LocalNode;
  readonly traffic: TrafficCounts;
  readonly health: Health;
  readonly identities: Identities;
  readonly heartbeatMs: number;
  readonly presence: RedisPresence;
  readonly registry: Pick<Registry, "strangersAmong" | "clearAfter">;
  /** Cached routes. */
  readonly routes: ComparedChannels;
  /** Histories from which this node has delivered. */
  readonly histories: ComparedChannels;
  /** Watches of acknowledgements. */
  readonly watches: ComparedChannels;
  /** Called once in a round. */
  readonly onRound: () => void;
}

/** Heartbeats in a round: 4 minutes with the default one. */
const HEARTBEATS_PER_ROUND = 24;
/** Longest round, whatever the heartbeat is. */
const MAX_ROUND_MS = 240_000;

/**
 * Compares what this node has with what Redis has, while nothing fails: the identity of each partition at every
 * heartbeat, and every single entry once in a round. Differences are set right, counted and reported.
 */
export class Comparison {
  readonly #parts: ComparisonParts;
  readonly #rounds: Rounds;
  readonly #roundMs: number;
  /** Partitions that have lost their data since the last heartbeat, and those of the heartbeat before. */
  #lost = new Set<number>();
  #due = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;
  #beats = 0;

  constructor(parts: ComparisonParts) {
    const { connection, node, heartbeatMs } = parts;
    this.#parts = parts;
    this.#roundMs = Math.min(HEARTBEATS_PER_ROUND * heartbeatMs, MAX_ROUND_MS);
    this.#rounds = new Rounds({
      plans: this.#plans(),
      roundMs: this.#roundMs,
      isUp: () => connection.isUp,
      onMended: (what, partition, count) => this.#onMended(what, partition, count),
      onError: (error) => {
        if (connection.isNews(error)) node.report("comparison", error);
      },
    });
    parts.identities.onLost((partition) => this.#onLost(partition));
  }

  start(): void {
    this.#rounds.start();
    void this.#checkSettings();
    this.#timer = setInterval(() => void this.#beat(), this.#parts.heartbeatMs).unref();
  }

  stop(): void {
    this.#rounds.stop();
    clearInterval(this.#timer);
  }

  /** Checks all partitions, in one turn of the connection. A check that finds a loss starts the recovery of it. */
  async #beat(): Promise<void> {
    const { connection, identities } = this.#parts;
    if (!connection.isUp || this.#isBusy) return;
    this.#isBusy = true;
    // The connection reports a partition that moves, or cannot be reached.
    await Promise.allSettled(EVERY_PARTITION.map((partition) => identities.check(partition)));
    this.#reportLost();
    await this.#visitDue();
    if (++this.#beats % HEARTBEATS_PER_ROUND === 0) {
      this.#parts.onRound();
      await this.#checkSettings();
    }
    this.#isBusy = false;
  }

  #reportLost(): void {
    const { node, health } = this.#parts;
    if (this.#lost.size > 0) {
      const error = lostPartitions([...this.#lost]);
      node.report("comparison", error);
      health.degrade("lost data", error.message);
    } else if (this.#due.size === 0) health.restore("lost data");
  }

  /** Settings under which losses are normal are told before the first one. They may change while Redis runs. */
  async #checkSettings(): Promise<void> {
    const { connection, health } = this.#parts;
    try {
      const risks = new Set((await connection.info()).flatMap(riskySettings));
      if (risks.size > 0) health.degrade("redis settings", [...risks].join("; "));
      else health.restore("redis settings");
    } catch {
      // A user without the right to INFO learns nothing here; an outage is reported by the connection.
    }
  }

  /**
   * The recovery of a partition announces what this node has, at once. It trusts the list of what the node owns there,
   * which need not be lost with the rest: so a heartbeat later every entry is compared too.
   */
  async #visitDue(): Promise<void> {
    const due = [...this.#due];
    this.#due = this.#lost;
    this.#lost = new Set();
    if (due.length > 0) await this.#rounds.visit(due);
  }

  #onLost(partition: number): void {
    this.#parts.traffic.mended.partitions++;
    this.#lost.add(partition);
  }

  #plans(): Plan[] {
    const { connection, presence, routes, histories, watches } = this.#parts;
    const { comparison } = presence;
    return [
      planEach("connections", (partition) => this.#caughtUp(comparison.ghosts(partition))),
      planEach("connections", (partition) => this.#compareOnline(partition)),
      planOf({
        what: "connections",
        names: () => presence.users,
        partitionOf: partitionOfUser,
        compare: (users, partition) => this.#caughtUp(comparison.users(partition, users)),
      }),
      planOf({
        what: "members",
        names: () => presence.groups,
        partitionOf: partitionOfGroup,
        compare: (groups, partition) => this.#compareGroups(partition, groups),
      }),
      planOfChannels("routes", routes),
      planOfChannels("histories", histories),
      planOf({
        what: "histories",
        names: () => histories.channels,
        partitionOf,
        compare: (channels, partition) => compareSchedule(connection.run, partition, channels),
      }),
      planOfChannels("watches", watches),
      planOf({
        what: "watches",
        names: () => presence.rooms.watches.names,
        partitionOf: partitionOfGroup,
        compare: (groups, partition) => presence.rooms.watches.restore(groups, partition),
      }),
      planOf({
        what: "watches",
        names: () => presence.listening.names,
        partitionOf,
        compare: (channels, partition) => this.#compareListening(channels, partition),
      }),
    ];
  }

  /** Restores this node among the listeners of channels, and reads the messages that were published while Redis did not have it there. */
  async #compareListening(channels: readonly Channel[], partition: number): Promise<number> {
    const { presence, histories } = this.#parts;
    const restored = await presence.listening.restore(channels, partition);
    if (restored > 0) await histories.compare(channels, partition);
    return restored;
  }

  /** Compares the users online, and clears up after incarnations that are gone. */
  async #compareOnline(partition: number): Promise<number> {
    const { presence, registry } = this.#parts;
    const { entries, incarnations } = await presence.comparison.online(partition, this.#roundMs);
    const strangers = incarnations.size === 0 ? [] : await registry.strangersAmong(incarnations);
    for (const token of strangers) await registry.clearAfter(token);
    return entries + strangers.length;
  }

  /** Compares groups, and clears up after incarnations that are gone. */
  async #compareGroups(partition: number, groups: readonly string[]): Promise<number> {
    const { presence, registry } = this.#parts;
    const comparing = presence.comparison.groups(partition, groups);
    const entries = await this.#caughtUp(comparing);
    const { others } = await comparing;
    const strangers = others.size === 0 ? [] : await registry.strangersAmong(others.keys());
    let ended = 0;
    for (const token of strangers) {
      ended += await presence.comparison.disown(token, partition, others.get(token) ?? []);
      await registry.clearAfter(token);
    }
    return entries + ended;
  }

  /** A node that was no target of a channel has missed messages, and while the channel is quiet nothing else tells. */
  async #caughtUp(mending: Promise<Mended>): Promise<number> {
    const { entries, channels } = await mending;
    for (const [partition, some] of Map.groupBy(channels, partitionOf)) {
      await this.#parts.histories.compare(some, partition);
    }
    return entries;
  }

  #onMended(what: Mending, partition: number, count: number): void {
    const { traffic, node } = this.#parts;
    traffic.mended[what] += count;
    node.report("comparison", mendedEntries(what, partition, count));
  }
}

const planOfChannels = (what: Mending, part: ComparedChannels): Plan =>
  planOf({
    what,
    names: () => part.channels,
    partitionOf,
    compare: (channels, partition) => part.compare(channels, partition),
  });

const lostPartitions = (partitions: readonly number[]): TidingsError =>
  new TidingsError(
    "unavailable",
    `Redis has lost the data of ${partitions.length === 1 ? "partition" : "partitions"} ${partitions.join(", ")}: ` +
      "this node has announced its connections there again, and clients are told which histories were lost",
  );

const mendedEntries = (what: Mending, partition: number, count: number): TidingsError =>
  new TidingsError(
    "unavailable",
    `Redis differed from this node in ${count} entries about ${what} of partition ${partition}: they are set right. ` +
      "Redis may evict keys, or something else may write to it",
  );

export { MissedEvents } from "./missed.ts";
export { COMPARE_SCHEDULE } from "./schedule.ts";
