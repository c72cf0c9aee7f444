import type { Channel } from "../../../../protocol/protocol.ts";
import type { Bus } from "../../bus/bus.ts";
import { type Connection, pack } from "../../connection/connection.ts";
import type { Delivered } from "../../history/histories.ts";
import { baseOf, listKey, partitionOf } from "../../wire/keys.ts";
import { headerOf } from "../../wire/stored-line.ts";

/** Channels with a known append target; beyond it the oldest is evicted. About 500 bytes each. */
const MAX_KNOWN = 100_000;

/** The nodes that get a channel's messages. Channels with the same nodes share one object. */
export interface TargetNodes {
  /** Tokens of the nodes, separated by spaces, as APPEND takes them. */
  readonly tokens: string;
  readonly count: number;
  /** Tokens of those with members, separated by spaces. The others only listen, and no receipt counts them. */
  readonly members: string;
  /** Number of nodes with members without this one. */
  readonly others: number;
  /** True if this node has members. */
  readonly hasOwn: boolean;
}

/** Nodes of a channel, as the scripts reply. */
export interface Receivers {
  /** Tokens, those of nodes with members first. */
  readonly nodes: readonly string[];
  /** Number of nodes with members. */
  readonly members: number;
}

/**
 * Append target: what a node knows of a channel's history and nodes. With it an append is a single command in Redis.
 */
export interface AppendTarget {
  /** Key of the channel's list, packed. While a list exists under this key, the other fields are current. */
  readonly list: string;
  /** Header of the channel's messages in a line ({@link headerOf}). */
  readonly header: string;
  /** Empty while the target is unknown. */
  readonly epoch: string;
  /** The offset before the list's first message. */
  readonly start: number;
  readonly nodes: TargetNodes;
  /** Time of the next look-up, by performance.now(). */
  until: number;
  /** Characters that this node has appended since the list was last measured (trimmer.ts). */
  appendedBytes: number;
  /** Offset and id of the last message that this node has confirmed to its sender; 0 for none. */
  confirmed: number;
  confirmedId: string;
  /** Value of `members.arrivals` when this node last had no member of the channel; -1: never checked. */
  noMembersAt: number;
}

const NO_NODES: TargetNodes = { tokens: "", count: 0, members: "", others: 0, hasOwn: false };

/** Target of a message before its channel was looked up. */
export const UNKNOWN_TARGET: AppendTarget = {
  list: "",
  header: "",
  epoch: "",
  start: 0,
  nodes: NO_NODES,
  until: 0,
  appendedBytes: 0,
  confirmed: 0,
  confirmedId: "",
  noMembersAt: -1,
};

/** Append targets of channels, as their last look-ups replied. */
export class AppendTargets {
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #prefix: string;
  readonly #lifetimeMs: number;
  readonly #targets = new Map<Channel, AppendTarget>();
  readonly #nodes = new Map<string, TargetNodes>();

  /** @param lifetimeMs time until the next look-up, which also renews the lifetime of the channel's cursors */
  constructor(connection: Connection, bus: Bus, prefix: string, lifetimeMs: number) {
    this.#connection = connection;
    this.#bus = bus;
    this.#prefix = prefix;
    this.#lifetimeMs = lifetimeMs;
    connection.onUnavailable(() => this.#clear());
    connection.partitions.onLost(() => this.#clear());
  }

  /** The channel's target; an unknown one makes the script look the channel up. */
  of(channel: Channel, now: number): AppendTarget {
    const known = this.#targets.get(channel);
    if (known !== undefined && known.until > now) return known;
    const birth = this.#connection.partitions.birthOf(partitionOf(channel)) ?? "";
    return { ...UNKNOWN_TARGET, list: this.#listOf(channel, birth, ""), header: headerOf(channel, "", 0) };
  }

  /** Caches the reply to a look-up. */
  learn(channel: Channel, epoch: string, stamp: string, start: number, receivers: Receivers): AppendTarget {
    const [random = ""] = epoch.split(".");
    const former = this.#targets.get(channel);
    const isSame = former?.epoch === epoch;
    const target: AppendTarget = {
      list: this.#listOf(channel, random, stamp),
      header: headerOf(channel, epoch, start),
      epoch,
      start,
      nodes: this.#nodesOf(receivers),
      until: performance.now() + this.#lifetimeMs,
      // Whatever makes look-ups frequent must not keep the list from being measured.
      appendedBytes: former?.appendedBytes ?? 0,
      confirmed: isSame ? former.confirmed : 0,
      confirmedId: isSame ? former.confirmedId : "",
      noMembersAt: -1,
    };
    this.#targets.delete(channel);
    this.#targets.set(channel, target);
    if (this.#targets.size > MAX_KNOWN) {
      const [oldest] = this.#targets.keys();
      if (oldest !== undefined) this.#targets.delete(oldest);
    }
    return target;
  }

  /** Forgets a target whose list no longer exists under its key. */
  forget(channel: Channel): void {
    const known = this.#targets.get(channel);
    if (known !== undefined) known.until = 0;
  }

  #listOf(channel: Channel, birth: string, stamp: string): string {
    return pack(listKey(baseOf(this.#prefix, partitionOf(channel)), channel, birth, stamp));
  }

  #nodesOf({ nodes, members: count }: Receivers): TargetNodes {
    if (nodes.length === 0) return NO_NODES;
    const tokens = nodes.join(" ");
    const members = count === nodes.length ? tokens : nodes.slice(0, count).join(" ");
    const name = `${count} ${tokens}`;
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const hasOwn = nodes.slice(0, count).includes(this.#bus.token);
    const made = { tokens, count: nodes.length, members, others: count - (hasOwn ? 1 : 0), hasOwn };
    // After nodes have started and stopped, old combinations of nodes never occur again.
    if (this.#nodes.size >= MAX_KNOWN) this.#nodes.clear();
    this.#nodes.set(name, made);
    return made;
  }

  /**
   * Positions of the messages that this node has confirmed, for comparison after an outage: an older state of Redis may lack
   * some of them, and nobody else may know.
   */
  *confirmed(): Iterable<[Channel, Delivered]> {
    for (const [channel, { epoch, confirmed: offset, confirmedId: id }] of this.#targets)
      if (offset > 0) yield [channel, { epoch, offset, id }];
  }

  /** Makes all targets outdated. The messages that were confirmed stay known. */
  #clear(): void {
    for (const target of this.#targets.values()) target.until = 0;
    this.#nodes.clear();
  }
}
