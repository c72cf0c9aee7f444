import type { Connection, Local } from "../../local/local.ts";

/** A connection of a node, with its send queue. */
export interface ConnectionReport {
  readonly id: string;
  readonly user: string;
  readonly platform: string;
  readonly device: string;
  readonly node: string;
  /** Address of the client. */
  readonly address: string;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
  /** Number of groups that it has joined. */
  readonly groups: number;
  readonly queue: {
    readonly messages: number;
    /** Bytes that the client has not taken: those of the queue, and those of the socket. */
    readonly bytes: number;
    /** For how long the busy socket has taken nothing, in milliseconds; 0 while it takes everything. */
    readonly stalledMs: number;
  };
}

/** Connections of this node with the most bytes in their queues, the slowest first. Those with empty queues are left out. */
export const slowestConnections = (local: Local, count: number): ConnectionReport[] =>
  local.slowest(count).map(reportOf);

/** A connection of this node; undefined when there is none of this id. */
export function findConnection(local: Local, id: string): ConnectionReport | undefined {
  const found = local.byId(id);
  return found && reportOf(found);
}

/** A connection as operators see it. */
export const reportOf = (connection: Connection): ConnectionReport => ({
  id: connection.id,
  user: connection.user,
  platform: connection.platform,
  device: connection.device,
  node: connection.node,
  address: connection.address,
  connectedAt: connection.connectedAt,
  groups: connection.groups.length,
  queue: {
    messages: connection.pendingMessages,
    bytes: connection.unsentBytes,
    stalledMs: connection.stalledSince === 0 ? 0 : Math.round(performance.now() - connection.stalledSince),
  },
});
