import { type Channel, groupChannel, spread, userChannel } from "../../protocol/protocol.ts";

/**
 * Every channel belongs to one of so many partitions. The keys of a partition share a hash tag, so a script that touches
 * one partition runs on Redis Cluster. The number is part of the data: another one would look for everything elsewhere.
 */
export const PARTITIONS = 64;

/** Where the registry of nodes is. */
export const REGISTRY = 0;

export const partitionOf = (channel: Channel): number => spread(channel, PARTITIONS);
export const partitionOfUser = (user: string): number => partitionOf(userChannel(user));
export const partitionOfGroup = (group: string): number => partitionOf(groupChannel(group));
/** Idempotency keys belong to no channel. */
export const partitionOfKey = (key: string): number => spread(key, PARTITIONS);

/** All partitions, to go through. */
export const EVERY_PARTITION: readonly number[] = Array.from({ length: PARTITIONS }, (_, index) => index);

/** What the names of all keys of a partition begin with. */
export const baseOf = (prefix: string, partition: number): string => `${prefix}{${partition}}`;

/** The Pub/Sub channel of one node. */
export const inboundOf = (prefix: string, token: string): string => `${prefix}inbox:${token}`;

/** The Pub/Sub channel of all nodes. */
export const castOf = (prefix: string): string => `${prefix}cast`;
