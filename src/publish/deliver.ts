import type { Message, MessageChange, Reached, StoredMessage } from "../backplane/backplane.ts";
import { type Connection, type Delivery, type Local, Packet, type Verdict } from "../local/local.ts";
import {
  type Channel,
  encodePush,
  type Position,
  type Push,
  type Target,
  targetOf,
} from "../protocol/protocol.ts";
import { DropReports } from "./drops.ts";
import { epochFor, positionFrame } from "./positions/positions.ts";

/** Meter of deliveries. */
export interface DeliverMeter {
  /**
   * Counts a message that was handed to connections of this node.
   * @param latencyMs time since the hub took the message
   */
  delivered(connections: number, latencyMs: number, channel: Channel): void;
}

/** Parts of a deliverer that have defaults. */
export interface DelivererOptions {
  /** The clock of all nodes, of which timestamps of messages are. @default this node's */
  readonly now?: () => number;
  /** Called with a failure: full queues have refused messages. @default nothing is done */
  readonly report?: (stage: string, error: unknown) => void;
  /** The message log: it gets the drops of stored messages. @default none */
  readonly log?: { dropped(message: Message, count: number): void } | undefined;
  /** The flight recorder. @default none */
  readonly recorder?: DeliveryRecorder | undefined;
  /** Traces the deliveries of messages that are sampled. @default none */
  readonly tracing?: DeliverTracing | undefined;
}

/** Flight recorder, as the deliverer sees it. Its calls return at once and never throw. */
export interface DeliveryRecorder {
  /** Records a message that was handed to connections of this node. */
  delivered(message: Message | StoredMessage, reached: Reached): void;
  /** Records that the queue of a connection has not taken a message. */
  dropped(message: Message, connection: Connection, verdict: Verdict): void;
}

/** Traces of deliveries. */
export interface DeliverTracing {
  /** @param startedAt by the monotonic clock, in milliseconds */
  delivered(message: Message, reached: Reached, startedAt: number): void;
}

/** Delivers messages on this node: makes the packet and hands it to the local members. */
export class Deliverer {
  readonly #local: Local;
  readonly #meter: DeliverMeter;
  readonly #now: () => number;
  readonly #drops: DropReports;
  readonly #log: DelivererOptions["log"];
  readonly #recorder: DeliveryRecorder | undefined;
  readonly #tracing: DeliverTracing | undefined;
  /** Channels with members whose queues are full, under the policy `wait`. */
  readonly #full = new Map<Channel, Promise<unknown>>();

  constructor(
    local: Local,
    meter: DeliverMeter,
    { now = Date.now, report = () => undefined, log, recorder, tracing }: DelivererOptions = {},
  ) {
    this.#local = local;
    this.#meter = meter;
    this.#now = now;
    this.#log = log;
    this.#recorder = recorder;
    this.#tracing = tracing;
    this.#drops = new DropReports((error) => report("deliver", error));
  }

  /** @returns this node's connections that the message reached */
  deliver(message: Message | StoredMessage): Reached {
    const startedAt = this.#tracing === undefined || message.trace === undefined ? 0 : performance.now();
    const delivered = this.#local.deliver(new MessageDelivery(message, this.#recorder));
    const { waiting } = delivered;
    if (waiting === undefined) this.#count(message, delivered, startedAt);
    else
      this.#waitFor(
        message.channel,
        waiting.then(() => this.#count(message, delivered, startedAt)),
      );
    return delivered;
  }

  /** @param startedAt 0 for a delivery that is not traced */
  #count(message: Message, reached: Reached, startedAt: number): void {
    const { connections, dropped } = reached;
    if (startedAt > 0) this.#tracing?.delivered(message, reached, startedAt);
    if (connections > 0 || dropped > 0) this.#recorder?.delivered(message, reached);
    if (connections > 0) this.#meter.delivered(connections, this.#now() - message.timestamp, message.channel);
    if (dropped === 0) return;
    this.#drops.add(message, dropped);
    if (isStored(message)) this.#log?.dropped(message, dropped);
  }

  /** Resolves when no local member of the channel has a full queue, or after the wait time. Undefined: none is full. */
  room(channel: Channel): Promise<unknown> | undefined {
    return this.#full.get(channel);
  }

  /** Notifies the members that the channel's history is lost and continues at `position`. */
  lost(channel: Channel, position: Position): void {
    const text = positionFrame(channel, position, false);
    this.#local.eachMember(channel, (connection) => {
      // Earlier messages belong to the lost history: send them before this frame, or not at all.
      connection.enqueuePosted();
      connection.holdOf(channel)?.clear();
      connection.missed?.delete(channel);
      const epoch = epochFor(connection, channel, position);
      const isShared = epoch === position.epoch;
      connection.send(isShared ? text : positionFrame(channel, { ...position, epoch }, false));
    });
  }

  #waitFor(channel: Channel, waiting: Promise<unknown>): void {
    const all = Promise.all([this.#full.get(channel), waiting]).then(() => {
      if (this.#full.get(channel) === all) this.#full.delete(channel);
    });
    this.#full.set(channel, all);
  }
}

/** A message for its local members. Often there are none, so the first use makes the packet. */
class MessageDelivery implements Delivery {
  readonly channel: Channel;
  readonly offset: number | undefined;
  readonly platforms: readonly string[] | undefined;
  readonly except: readonly string[] | undefined;
  readonly #message: Message | StoredMessage;
  readonly #recorder: DeliveryRecorder | undefined;
  #packet: Packet | undefined;
  #skipPacket: Packet | undefined;

  constructor(message: Message | StoredMessage, recorder: DeliveryRecorder | undefined) {
    this.channel = message.channel;
    this.offset = isStored(message) ? message.offset : undefined;
    this.platforms = message.platforms;
    this.except = message.except;
    this.#message = message;
    this.#recorder = recorder;
  }

  get epoch(): string | undefined {
    return isStored(this.#message) ? this.#message.epoch : undefined;
  }

  get packet(): Packet {
    this.#packet ??= pushPacket(this.#message);
    return this.#packet;
  }

  skip(connection: Connection): Packet | undefined {
    const message = this.#message;
    if (!isStored(message)) return undefined;
    const epoch = epochFor(connection, message.channel, message);
    if (epoch !== message.epoch) return skipPacket(message, epoch);
    this.#skipPacket ??= skipPacket(message, epoch);
    return this.#skipPacket;
  }

  refused(connection: Connection, verdict: Verdict): void {
    this.#recorder?.dropped(this.#message, connection, verdict);
  }
}

/** Makes the packet of a message. The first use encodes it. */
export const pushPacket = (message: Message | StoredMessage): Packet => new Packet(() => pushText(message));

/** Encodes a message in the form that clients see. */
export function pushText(message: Message | StoredMessage): string {
  const { type, body, timestamp, from, id, recipient, channel } = message;
  const offset = isStored(message) ? message.offset : undefined;
  const { to, group }: Target = targetOf(channel);
  // Field by field: a literal that spreads two others costs more than the rest of this function.
  const text = encodePush({ type, body, timestamp, from, to, group, id, offset, recipient });
  const change = isStored(message) ? message.change : undefined;
  return change === undefined ? text : `${text.slice(0, -1)},${JSON.stringify(marksOf(change)).slice(1)}`;
}

/** The marks of a changed message, as clients see them. */
const marksOf = ({ at, deleted }: MessageChange): Pick<Push, "editedAt" | "deletedAt"> =>
  deleted ? { deletedAt: at } : { editedAt: at };

/** Converts a stored message to the form that clients see. */
export function pushOf(message: StoredMessage): Push {
  const { type, body, timestamp, from, channel, recipient, id, offset, change } = message;
  const push: Push = {
    ...{ type, data: JSON.parse(body), timestamp, from, ...targetOf(channel), recipient, id, offset },
  };
  return change === undefined ? push : { ...push, ...marksOf(change) };
}

/** Makes the packet for members that a stored message leaves out: it moves their position past the message. */
const skipPacket = ({ channel, offset }: StoredMessage, epoch: string): Packet =>
  new Packet(() => positionFrame(channel, { epoch, offset }, true));

const isStored = (message: Message | StoredMessage): message is StoredMessage => "offset" in message;
