/**
 * A node that is alone: presence, routes, rooms and the cluster of one. They end with the process, whatever keeps the histories, so
 * the backplanes of a single node share them.
 */
import type { LocalNode } from "../local-node.ts";
import type { Adjustable, Cluster, Presence, Rooms, Routes } from "../port.ts";
import { type KeepSetting, SingleCluster } from "./cluster.ts";
import { type Blocks, SinglePresence } from "./presence.ts";
import { type DurableMembers, SingleRooms } from "./rooms.ts";

export { BlockedUsers } from "./blocked.ts";
export type { Blocks } from "./presence.ts";
export type { DurableMembers } from "./rooms.ts";
export { Watches } from "./watches.ts";

/** Parts that may outlive the process. */
export interface KeptParts {
  readonly durable: DurableMembers;
  readonly blocks: Blocks;
  readonly keepSetting: KeepSetting;
  /** Grace period of a user without a connection before `offline`, in milliseconds. */
  readonly graceMs: number;
}

export interface SingleNode {
  readonly presence: Presence;
  readonly routes: Routes;
  readonly rooms: Rooms;
  readonly cluster: Cluster;
  /** Puts the value of a setting in force that an earlier process has kept. */
  restore(name: Adjustable, value: string): void;
  /** Ends all grace periods: no user goes offline any more. */
  stop(): void;
}

export function singleNode(
  node: LocalNode,
  { durable, blocks, keepSetting, graceMs }: KeptParts,
): SingleNode {
  const rooms = new SingleRooms(node, durable);
  const presence = new SinglePresence(node, rooms, blocks, graceMs);
  const cluster = new SingleCluster(node, keepSetting);
  return {
    ...{ presence, routes: presence, rooms, cluster },
    restore: (name, value) => cluster.restore(name, value),
    stop: () => presence.stop(),
  };
}
