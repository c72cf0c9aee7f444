import type { LocalNode } from "../local-node.ts";
import type { Health } from "../port.ts";
import type { Bus, TrafficCounts } from "./bus/bus.ts";
import { Comparison, MissedEvents } from "./comparison/comparison.ts";
import type { Connection } from "./connection/connection.ts";
import type { RedisCursors } from "./history/cursors.ts";
import type { Registry } from "./nodes/registry.ts";
import { type Compare, PendingPartitions } from "./partitions/partitions.ts";
import type { RedisPresence } from "./presence/presence.ts";
import type { Directory } from "./routing/directory.ts";
import type { Receiver } from "./stored/receiver.ts";
import { EVERY_PARTITION } from "./wire/keys.ts";
import { LINE } from "./wire/lines.ts";

/** The parts that a node compares with Redis, and those that it needs for it. */
export interface Compared {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly traffic: TrafficCounts;
  readonly health: Health;
  readonly heartbeatMs: number;
  readonly graceMs: number;
  readonly presence: RedisPresence;
  readonly registry: Registry;
  readonly directory: Directory;
  readonly receiver: Receiver;
  readonly cursors: RedisCursors;
}

/** Heartbeats after which all nodes have noticed that Redis has lost data, and announced their connections again. */
const HEARTBEATS_TO_SETTLE = 2;

/** Wires what compares the node with Redis: whole partitions when there is a reason, single entries in rounds. */
export function createComparison(parts: Compared) {
  const { connection, bus, presence, directory, receiver, cursors } = parts;
  const { partitions } = connection;
  const compare = comparisonOf(parts);
  const pending = new PendingPartitions(compare);
  partitions.onLost((partition) => pending.add(partition));
  partitions.onDoubt((partition) => {
    receiver.doubt(partition);
    pending.add(partition);
  });
  bus.on(LINE.birth, ([, partition, birth = ""]) => partitions.announced(Number(partition), birth));
  const missed = new MissedEvents({
    ...parts,
    isUp: () => connection.isUp,
    settleMs: HEARTBEATS_TO_SETTLE * Math.max(parts.heartbeatMs, parts.graceMs),
    readAcks: () => cursors.catchUp(),
  });
  partitions.onLost(() => missed.settle());
  // After a failover Redis may have less than the other nodes have announced.
  partitions.onDoubt(() => missed.settle());
  connection.onUp(() => missed.recovered());
  // After `pending`, so that a lost partition is announced anew before its entries are compared.
  const comparison = new Comparison({
    ...parts,
    identities: partitions,
    routes: directory,
    histories: receiver,
    watches: cursors,
    presence,
    onRound: () => missed.tell(),
  });
  return { compare, pending, comparison, missed };
}

/**
 * Compares the node with partitions: with all of them at the start, after each outage, and when another node has declared
 * this one dead; with one after Redis has lost its data, or it has moved to another master.
 */
function comparisonOf({ presence, directory, receiver }: Compared): Compare {
  return async (partitions) => {
    const moving = await presence.reconcile(partitions);
    directory.clear();
    const isAll = partitions.length === EVERY_PARTITION.length;
    return [...moving, ...(await receiver.catchUp(isAll ? undefined : partitions))];
  };
}
