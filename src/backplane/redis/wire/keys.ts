import { type Channel, groupChannel, spread, userChannel } from "../../../protocol/protocol.ts";

/**
 * Number of partitions; every channel belongs to one. The keys of a partition share a hash tag, so a script that
 * touches one partition runs on Redis Cluster. The number is part of the stored data: with another one a node looks
 * under other keys.
 */
export const PARTITIONS = 64;

/** Partition of the registry of nodes. */
export const REGISTRY = 0;

export const partitionOf = (channel: Channel): number => spread(channel, PARTITIONS);
export const partitionOfUser = (user: string): number => partitionOf(userChannel(user));
export const partitionOfGroup = (group: string): number => partitionOf(groupChannel(group));
/** An idempotency key belongs to no channel, because its first publish may have gone to another one. */
export const partitionOfIdempotencyKey = (key: string): number => spread(key, PARTITIONS);

/** Numbers of all partitions. */
export const EVERY_PARTITION: readonly number[] = Array.from({ length: PARTITIONS }, (_, index) => index);

/**
 * Prefix of all keys of a partition. The hash tag has a place for a tenant in front of the number, `{<app>/12}`, which is
 * empty today. No key has this name itself.
 */
export const baseOf = (prefix: string, partition: number): string => `${prefix}{${partition}}`;

/** Key of a partition's birth: the name of its data, the time and a random part. The latter begins every epoch. */
export const birthKeyOf = (base: string): string => `${base}:${BIRTH_KEY}`;

/**
 * Kinds of keys that exist per channel, user, group, node or idempotency key: `<base>:<kind>:<name>`. docs/CLUSTER.md
 * describes each.
 */
export const KEY = {
  /** Of a channel: device → acknowledged offset. */
  cursors: "a",
  /** Of a user: groups of which the user is a durable member. */
  groupsOfUser: "b",
  /** Of a group: its durable members, by the order of their additions. */
  usersOfGroup: "B",
  /** Of a channel: node → number of its members there. */
  nodes: "d",
  /** Of a node: its connections that other nodes evicted. */
  evictions: "e",
  /** Of a group: nodes that watch its members. */
  roomWatchers: "g",
  /** Of a node: exists once the node was declared dead. */
  fence: "f",
  /** Of a channel: the messages of its history. {@link listKey} adds the rest. */
  list: "h",
  /** Of an idempotency key, in the partition of its channel: the stored message that came first. */
  storedUnder: "i",
  /** Of a group: node and user of each joined member. */
  joined: "j",
  /** Of an idempotency key: the kind or channel of the first publish, and its receipt. */
  idempotency: "k",
  /** Of a user: when the user's block ends. */
  blocked: "l",
  /** Of a channel: the head of its history. */
  head: "m",
  /** Of a node: its connections and joined members in this partition. */
  owned: "n",
  /** Of a channel: nodes that get its stored messages without a member. */
  listeners: "s",
  /** Of a group: users who have joined, by the order of their joins. */
  roster: "o",
  /** Of a group: user → revision of the data, and the data. */
  memberData: "p",
  /** Of a channel: subscribers that were sent the last invalidation. */
  invalidated: "q",
  /** Of a channel: nodes with a route in their cache, to be sent its invalidation. */
  subscribers: "r",
  /** Of a user: connection → its description. */
  connections: "u",
  /** Of a group that is watched: number of the last change of its members. */
  revision: "v",
  /** Of a channel: nodes that wait for acknowledgements. */
  watchers: "w",
  /** Of a channel: epoch that a failover began, and the offset after which the history continues. */
  rotation: "x",
} as const;

/**
 * Name of the key, one per partition, that schedules expiry: channel → time at which its oldest message expires, or at
 * which its empty history is forgotten.
 */
export const EXPIRY_SCHEDULE = "expiry";

/** Name of the key, one per partition: bucket of channels → serial number of those that never had a message. */
export const BUCKETS = "buckets";

/** Name of the key, one per partition, of its birth ({@link birthKeyOf}). */
export const BIRTH_KEY = "birth";
/** Name of the key, one per partition, of births that a later one replaced: their lists may still be there. */
export const FORMER_KEY = "former";
/** Name of the key, in the partition of the registry, of settings that were changed while the nodes run. */
export const ADJUSTMENTS_KEY = "adjusted";
/** Name of the key, one per partition, that exists while no node need visit its list of users online again. */
export const VISITED_KEY = "visited";
/** Name of the key, one per partition, of users online without connections, by the time since when. */
export const SUSPECTS_KEY = "suspects";
/** Name of the key, one per partition, of blocked users, by the order in which their blocks began. */
export const BLOCKS_KEY = "blocks";
/** Name of the key, one per partition, that counts serial numbers: of histories and of stamps. */
export const SERIAL_KEY = "serial";

/**
 * Length of the random part, with which a birth ends. Names of lists and epochs have this part alone: each character costs Redis and both nodes
 * time with each message.
 */
export const RANDOM_LENGTH = 8;

/** Parts of a list's key after its base, in their order. Both {@link listKey} and the scripts build the key from it. */
export const LIST_KEY = ["kind", "channel", "random", "stamp"] as const;
export type ListKeyPart = (typeof LIST_KEY)[number];

/**
 * Key of a history's list. Random part of the birth and stamp belong to it, so no append under a former key reaches the present list.
 */
export const listKey = (base: string, channel: Channel, birth: string, stamp: string): string => {
  const parts = { kind: KEY.list, channel, random: birth.slice(-RANDOM_LENGTH), stamp };
  let name = base;
  for (const part of LIST_KEY) name += `:${parts[part]}`;
  return name;
};

/**
 * Beginning of the names of all Pub/Sub channels: Pub/Sub knows no databases, so the number of the database is part of
 * them. It stands in braces, which no prefix has: `app` with database 12 must not be `app1` with database 2. Behind the
 * number is a place for a tenant, `{0/<app>}:`, which is empty today.
 */
export const pubSubOf = (prefix: string, db: number): string => `${prefix}{${db}}:`;

/** Begins the name of a node's Pub/Sub channel, after {@link pubSubOf}. */
export const INBOUND = "inbox:";
/** Pub/Sub channel of all nodes, after {@link pubSubOf}. */
export const CAST = "cast";

/** Pub/Sub channel of one node. @param pubSub {@link pubSubOf} */
export const inboundOf = (pubSub: string, token: string): string => pubSub + INBOUND + token;

/** Pub/Sub channel of all nodes. @param pubSub {@link pubSubOf} */
export const castOf = (pubSub: string): string => pubSub + CAST;
