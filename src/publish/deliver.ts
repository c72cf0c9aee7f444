import type { Message, StoredMessage } from "../backplane/backplane.ts";
import { type Delivery, type Local, Packet } from "../local/local.ts";
import {
  type Channel,
  encodePush,
  encodeServerFrame,
  type Position,
  type PositionFrame,
  type Push,
  targetOf,
} from "../protocol/protocol.ts";

/** Counts what is delivered. */
export interface DeliverMeter {
  /** A message was handed to so many connections of this node, so many milliseconds after it was taken. */
  delivered(connections: number, latencyMs: number): void;
}

/** The last step of a message before the connections: makes its packet and hands it to the local members. */
export class Deliverer {
  readonly #local: Local;
  readonly #meter: DeliverMeter;
  /** Channels with receivers whose queues are full, under the policy `wait`. */
  readonly #full = new Map<Channel, Promise<unknown>>();

  constructor(local: Local, meter: DeliverMeter) {
    this.#local = local;
    this.#meter = meter;
  }

  /** @returns how many connections of this node it was handed to */
  deliver(message: Message | StoredMessage): number {
    const { connections, waiting } = this.#local.deliver(new MessageDelivery(message));
    if (connections > 0) this.#meter.delivered(connections, Date.now() - message.timestamp);
    if (waiting !== undefined) this.#waitFor(message.channel, waiting);
    return connections;
  }

  /** Resolves when no receiver of the channel on this node has a full queue, or the wait time is up. */
  room(channel: Channel): Promise<unknown> | undefined {
    return this.#full.get(channel);
  }

  /** Tells the members that the channel's history was lost and goes on from `position`. */
  lost(channel: Channel, position: Position): void {
    const text = positionText(channel, position, false);
    this.#local.eachMember(channel, (connection) => {
      // What was published before belongs to the lost history, and must not be taken for the new one's.
      connection.settle();
      connection.holdOf(channel)?.clear();
      connection.send(text);
    });
  }

  #waitFor(channel: Channel, waiting: Promise<unknown>): void {
    const all = Promise.all([this.#full.get(channel), waiting]).then(() => {
      if (this.#full.get(channel) === all) this.#full.delete(channel);
    });
    this.#full.set(channel, all);
  }
}

/** A message for its receivers here. Often there are none, so whatever they need is made for the first one. */
class MessageDelivery implements Delivery {
  readonly channel: Channel;
  readonly offset: number | undefined;
  readonly platforms: readonly string[] | undefined;
  readonly except: readonly string[] | undefined;
  readonly #message: Message | StoredMessage;
  #packet: Packet | undefined;

  constructor(message: Message | StoredMessage) {
    this.channel = message.channel;
    this.offset = isStored(message) ? message.offset : undefined;
    this.platforms = message.platforms;
    this.except = message.except;
    this.#message = message;
  }

  get packet(): Packet {
    this.#packet ??= pushPacket(this.#message);
    return this.#packet;
  }

  skip(): Packet | undefined {
    return isStored(this.#message) ? skipPacket(this.#message) : undefined;
  }
}

/** The packet of a message, encoded when the first connection needs it. */
export function pushPacket(message: Message | StoredMessage): Packet {
  const offset = isStored(message) ? message.offset : undefined;
  return new Packet(() => encodePush({ ...message, ...targetOf(message.channel), offset }));
}

/** A message as clients see it. */
export function pushOf({ type, body, timestamp, from, channel, id, offset }: StoredMessage): Push {
  return { type, data: JSON.parse(body), timestamp, from, ...targetOf(channel), id, offset };
}

/** What a member gets in place of a stored message that is not for it: its position moves past the message. */
const skipPacket = (message: StoredMessage): Packet =>
  new Packet(() => positionText(message.channel, message, true));

/** The text of a `position` frame. */
export function positionText(channel: Channel, { epoch, offset }: Position, recovered: boolean): string {
  const frame: PositionFrame = { type: "position", channel, epoch, offset, recovered };
  return encodeServerFrame(frame);
}

const isStored = (message: Message | StoredMessage): message is StoredMessage => "offset" in message;
