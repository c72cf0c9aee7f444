import type { Channel } from "../protocol/protocol.ts";
import type { Connection } from "./connection.ts";
import type { Compression } from "./frame.ts";
import type { Verdict } from "./outbox.ts";
import type { Packet } from "./packet.ts";

/** What a delivery carries besides its bytes. */
export interface Delivery {
  readonly channel: Channel;
  readonly packet: Packet;
  /** The place in the channel's history; absent when it is ephemeral. */
  readonly offset?: number;
  /** Only to connections on these platforms. */
  readonly platforms?: readonly string[];
  /** Not to the connections with these ids. */
  readonly except?: readonly string[];
  /** In place of the message, for members that do not get it: tells them that the offset is passed, if it has one. */
  skip(): Packet | undefined;
}

/** What became of a delivery on this node. */
export interface Delivered {
  /** Connections it was handed to; what their queues make of it is counted in SlowCounts. */
  connections: number;
  /** Under the policy `wait`: resolves when every full queue has drained or its time is up. */
  waiting: Promise<unknown> | undefined;
}

/** True when some members do not get it. */
export const isFiltered = ({ platforms, except }: Delivery): boolean =>
  platforms !== undefined || except !== undefined;

/** Hands a delivery to one member, unless it is not for it or has to wait for a replay. */
export function hand(
  connection: Connection,
  delivery: Delivery,
  compression: Compression,
): Verdict | "skipped" {
  const { packet } = delivery;
  if (isFiltered(delivery) && !isFor(connection, delivery)) return skip(connection, delivery);
  if (connection.holds !== undefined && keep(connection, delivery, packet)) return "queued";
  const verdict = connection.enqueue(connection.deflate ? packet.deflated(compression) : packet.plain);
  if (verdict !== "queued" && delivery.offset !== undefined) connection.miss(delivery.channel);
  return verdict;
}

function isFor(connection: Connection, { platforms, except }: Delivery): boolean {
  if (platforms !== undefined && !platforms.includes(connection.platform)) return false;
  return except === undefined || !except.includes(connection.id);
}

/** Keeps a stored message back for a connection to which its channel is being replayed. */
function keep(connection: Connection, { channel, offset }: Delivery, packet: Packet): boolean {
  const hold = offset === undefined ? undefined : connection.holdOf(channel);
  if (hold === undefined || offset === undefined) return false;
  hold.add({ offset, packet });
  return true;
}

/** A member that a stored message leaves out must not take its offset for a gap, unless there is one before it. */
function skip(connection: Connection, delivery: Delivery): "skipped" {
  if (connection.missed?.has(delivery.channel)) return "skipped";
  const packet = delivery.skip();
  if (packet !== undefined && !keep(connection, delivery, packet)) {
    if (connection.enqueue(packet.plain) !== "queued") connection.miss(delivery.channel);
  }
  return "skipped";
}
