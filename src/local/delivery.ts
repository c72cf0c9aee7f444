import type { Channel } from "../protocol/protocol.ts";
import type { Connection } from "./connection.ts";
import type { Compression } from "./frame.ts";
import type { Verdict } from "./outbox.ts";
import type { Packet } from "./packet.ts";

/** A message for the members of one channel on this node. */
export interface Delivery {
  readonly channel: Channel;
  readonly packet: Packet;
  /** Offset in the channel's history; absent for an ephemeral message. */
  readonly offset?: number;
  /** Epoch of that history; absent for an ephemeral message. */
  readonly epoch?: string;
  /** Platforms that get the message. @default all */
  readonly platforms?: readonly string[];
  /** Ids of connections that do not get the message. @default none */
  readonly except?: readonly string[];
  /** Packet for members that do not get the message: it moves their position past the offset. Undefined: no offset. */
  skip(connection: Connection): Packet | undefined;
  /** Called when the queue of a member did not take the message. @default nothing is done */
  readonly refused?: ((connection: Connection, verdict: Verdict) => void) | undefined;
}

/** Result of a delivery on this node. Both counts are final when `waiting` has resolved. */
export interface Delivered {
  /** Connections that took the message: it is in their queue, or held until their replay reaches it. */
  connections: number;
  /** Connections whose full queue refused it. */
  dropped: number;
  /** Under the policy `wait`: resolves when every full queue has drained or timed out. */
  waiting: Promise<unknown> | undefined;
}

/** True when the delivery leaves out some members. */
export const isFiltered = ({ platforms, except }: Delivery): boolean =>
  platforms !== undefined || except !== undefined;

/** Hands a delivery to one member. A replay holds it back; a left-out member skips it. */
export function hand(
  connection: Connection,
  delivery: Delivery,
  compression: Compression,
): Verdict | "skipped" {
  const { packet } = delivery;
  if (isFiltered(delivery) && !isFor(connection, delivery)) return skip(connection, delivery);
  if (connection.holds !== undefined && holdBack(connection, delivery, packet)) return "queued";
  const verdict = connection.enqueue(connection.deflate ? packet.deflated(compression) : packet.plain);
  if (verdict !== "queued") {
    recordMiss(connection, delivery, verdict);
    reportRefusal(connection, delivery, verdict);
  }
  return verdict;
}

/** A message that waits for room is refused when its time is over. */
function reportRefusal(connection: Connection, delivery: Delivery, verdict: Verdict): void {
  if (verdict === "waiting") connection.onParkedDropped(() => delivery.refused?.(connection, "dropped"));
  else delivery.refused?.(connection, verdict);
}

/** Records a stored delivery that was not queued. */
export function recordMiss(connection: Connection, delivery: Delivery, verdict: Verdict = "dropped"): void {
  const { channel, offset, epoch } = delivery;
  if (offset === undefined || epoch === undefined) return;
  if (verdict === "waiting") connection.onParkedDropped(() => connection.miss(channel, { epoch, offset }));
  else connection.miss(channel, { epoch, offset });
}

function isFor(connection: Connection, { platforms, except }: Delivery): boolean {
  if (platforms !== undefined && !platforms.includes(connection.platform)) return false;
  return except === undefined || !except.includes(connection.id);
}

/** Holds a stored message back during a replay of its channel to the connection. @returns false without a replay */
function holdBack(connection: Connection, { channel, offset }: Delivery, packet: Packet): boolean {
  const hold = offset === undefined ? undefined : connection.holdOf(channel);
  if (hold === undefined || offset === undefined) return false;
  hold.add({ offset, packet });
  return true;
}

/** Moves a left-out member past the offset, so that it sees no gap. A real gap before the offset must stay visible. */
function skip(connection: Connection, delivery: Delivery): "skipped" {
  if (connection.missed?.has(delivery.channel)) {
    recordMiss(connection, delivery);
    return "skipped";
  }
  const packet = delivery.skip(connection);
  if (packet !== undefined && !holdBack(connection, delivery, packet)) {
    const verdict = connection.enqueue(connection.frameOf(packet));
    if (verdict !== "queued") recordMiss(connection, delivery, verdict);
  }
  return "skipped";
}
