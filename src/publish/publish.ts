import type { Appended, Backplane, Message } from "../backplane/backplane.ts";
import {
  assertType,
  type Channel,
  isUserChannel,
  TidingsError,
  toTidingsError,
} from "../protocol/protocol.ts";
import type { Acks, Expectation } from "./acks.ts";
import { Clock } from "./clock.ts";
import type { Deliverer } from "./deliver.ts";
import { AcceptedMessage, type Content, MessageIds } from "./message.ts";
import { EphemeralReceipt, type Receipt } from "./receipt.ts";
import { type Retry, withRetry } from "./retry.ts";

/** What somebody wants to publish, whoever is to get it. */
export interface DraftContent extends Omit<Content, "body" | "timestamp"> {
  readonly data?: unknown;
  /** At most once, without history and offset. @default false */
  readonly ephemeral?: boolean;
}

/** What somebody wants to publish, and where. */
export interface Draft extends DraftContent {
  readonly channel: Channel;
}

export interface PublishOptions {
  /** Idempotency key: a repeat within the window sends nothing and returns the first receipt. */
  readonly key?: string;
  /** Wait for the receiver's acknowledgement. Needs a single user and a stored message. */
  readonly ack?: boolean;
  /** How long to wait for it. @default 5_000 // 5 s */
  readonly timeoutMs?: number;
  /** Repeat after a retryable failure, under one idempotency key. @default no retry */
  readonly retry?: Retry;
}

export interface PublisherPorts {
  readonly backplane: Backplane;
  readonly deliverer: Deliverer;
  readonly acks: Acks;
  /** @default 5_000 // 5 s */
  readonly ackTimeoutMs: number;
  /** Told about every message that was published. */
  readonly delivered: (message: Message, receipt: Receipt) => void;
  readonly meter: PublishMeter;
}

export type PublishKind = "stored" | "ephemeral";

/** Counts what is published. */
export interface PublishMeter {
  /** A publish has ended well, after so many seconds; 0 when it was done within the call. */
  published(kind: PublishKind, seconds: number): void;
  failed(error: TidingsError): void;
}

/** Takes messages in, and is the only way for one to reach a channel. */
export class Publisher {
  readonly #ports: PublisherPorts;
  readonly #ids = new MessageIds();
  readonly #clock = new Clock();

  constructor(ports: PublisherPorts) {
    this.#ports = ports;
  }

  /**
   * Publishes a message.
   * @throws TidingsError `bad_request` for a bad type, data that is no JSON, or `ack` on anything but a stored
   * message to one user; `unavailable` while the backplane is away.
   */
  publish(draft: Draft, options: PublishOptions = NO_OPTIONS): Promise<Receipt> {
    // Not async: what is under way has a promise already, and another one would have to wait for it.
    try {
      const message = new AcceptedMessage(this.#ids.next(), draft.channel, contentOf(draft));
      const receipt = this.#publish(message, draft.ephemeral, options);
      return receipt instanceof Promise ? receipt : Promise.resolve(receipt);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  /**
   * Publishes the same to each of several channels; its data is encoded once. Receipts come in the order of the channels.
   * @throws TidingsError as `publish` does, when the first of them has failed; the others go on
   */
  async publishEach(
    channels: readonly Channel[],
    draft: DraftContent,
    optionsOf: (index: number) => PublishOptions,
  ): Promise<Receipt[]> {
    const content = contentOf(draft);
    const receipts = channels.map((channel, index) => {
      const message = new AcceptedMessage(this.#ids.next(), channel, content, true);
      return this.#publish(message, draft.ephemeral, optionsOf(index));
    });
    return receipts.every(isReceipt) ? receipts : Promise.all(receipts);
  }

  #publish(message: Message, ephemeral = false, options: PublishOptions): Receipt | Promise<Receipt> {
    if (options.ack) assertAckable(message.channel, ephemeral);
    if (options.retry === undefined) return this.#publishOnce(message, ephemeral, options);
    const key = options.key ?? message.id;
    return withRetry(options.retry, async () => this.#publishOnce(message, ephemeral, { ...options, key }));
  }

  /** Nothing here waits unless it has to: what is done within this call costs no promise. */
  #publishOnce(message: Message, ephemeral: boolean, options: PublishOptions): Receipt | Promise<Receipt> {
    if (options.ack) return this.#publishAwaited(message, options);
    return ephemeral ? this.#pass(message, options.key) : this.#store(message, options.key);
  }

  async #publishAwaited(message: Message, options: PublishOptions): Promise<Receipt> {
    const expectation = this.#ports.acks.expect(message.channel);
    try {
      return await this.#awaitAck(await this.#store(message, options.key), expectation, options);
    } finally {
      expectation.stop();
    }
  }

  /** An ephemeral message without key is done within this call when all its receivers are here. */
  #pass(message: Message, key?: string): Receipt | Promise<Receipt> {
    let receipt: Receipt | Promise<Receipt>;
    try {
      receipt = key === undefined ? this.#hand(message) : this.#handOnce(message, key);
    } catch (thrown) {
      return this.#failed(thrown);
    }
    // The clock is asked for those that wait only.
    if (receipt instanceof Promise) return this.#later("ephemeral", this.#clock.now(), message, receipt);
    return this.#published("ephemeral", 0, message, receipt);
  }

  #hand(message: Message): Receipt | Promise<Receipt> {
    const { deliverer, backplane } = this.#ports;
    const connections = deliverer.deliver(message);
    const nodes = backplane.broker.relay(message);
    const room = deliverer.room(message.channel);
    if (typeof nodes === "number" && room === undefined) return receiptOf(message, connections + nodes);
    return Promise.all([nodes, room]).then(([reached]) => receiptOf(message, connections + reached));
  }

  async #handOnce(message: Message, key: string): Promise<Receipt> {
    const { idempotency } = this.#ports.backplane;
    const first = await idempotency.begin(key, JSON.stringify(receiptOf(message, 0)));
    if (first !== undefined) return repeated(first);
    const receipt = await this.#hand(message);
    await idempotency.complete(key, JSON.stringify(receipt));
    return receipt;
  }

  /** Two functions and a promise for each message that waits for its place: whatever is more, the garbage collector has to copy. */
  #store(message: Message, key?: string): Promise<Receipt> {
    const started = this.#clock.now();
    const { broker } = this.#ports.backplane;
    if (key !== undefined) return this.#later("stored", started, message, this.#storeOnce(message, key));
    return broker.append(message).then(
      (appended) => this.#stored(message, started, appended),
      (thrown) => this.#failed(thrown),
    );
  }

  #stored(message: Message, started: number, appended: Appended): Receipt | Promise<Receipt> {
    const room = this.#ports.deliverer.room(message.channel);
    const receipt = storedReceipt(appended);
    if (room === undefined) return this.#published("stored", this.#clock.now() - started, message, receipt);
    return this.#later(
      "stored",
      started,
      message,
      room.then(() => receipt),
    );
  }

  async #storeOnce(message: Message, key: string): Promise<Receipt> {
    const { broker, idempotency } = this.#ports.backplane;
    const appended = await broker.append(message, key);
    if (appended.duplicate) return repeatedStored(appended);
    const room = this.#ports.deliverer.room(message.channel);
    if (room !== undefined) await room;
    const receipt = storedReceipt(appended);
    await idempotency.complete(key, JSON.stringify(receipt));
    return receipt;
  }

  #later(kind: PublishKind, started: number, message: Message, receipt: Promise<Receipt>): Promise<Receipt> {
    return receipt.then(
      (settled) => this.#published(kind, this.#clock.now() - started, message, settled),
      (thrown) => this.#failed(thrown),
    );
  }

  /** What is stored and delivered, without any wait for an acknowledgement: this is what the meter measures. */
  #published(kind: PublishKind, durationMs: number, message: Message, receipt: Receipt): Receipt {
    if (receipt.duplicate) return receipt;
    this.#ports.meter.published(kind, durationMs / 1_000);
    this.#ports.delivered(message, receipt);
    return receipt;
  }

  #failed(thrown: unknown): Promise<never> {
    this.#ports.meter.failed(toTidingsError(thrown));
    return Promise.reject(thrown);
  }

  async #awaitAck(receipt: Receipt, expectation: Expectation, options: PublishOptions): Promise<Receipt> {
    if (receipt.duplicate && receipt.state === "acked") return receipt;
    const timeoutMs = options.timeoutMs ?? this.#ports.ackTimeoutMs;
    const acked = await expectation.reached(receipt.offset ?? 0, timeoutMs);
    const answered: Receipt = { ...receipt, state: acked ? "acked" : "stored" };
    if (options.key !== undefined) {
      await this.#ports.backplane.idempotency.complete(options.key, JSON.stringify(answered));
    }
    return answered;
  }
}

const NO_OPTIONS: PublishOptions = {};

const isReceipt = (receipt: Receipt | Promise<Receipt>): receipt is Receipt => !(receipt instanceof Promise);

/** @throws TidingsError `bad_request` for a bad type, or data that is no JSON */
function contentOf({ type, data, from, platforms, except }: DraftContent): Content {
  assertType(type);
  return { type, body: encodeBody(data), timestamp: Date.now(), from, platforms, except };
}

function encodeBody(data: unknown): string {
  try {
    return JSON.stringify(data) ?? "null";
  } catch (cause) {
    throw new TidingsError("bad_request", "data: expected a JSON value", { cause });
  }
}

function assertAckable(channel: Channel, ephemeral: boolean): void {
  if (!ephemeral && isUserChannel(channel)) return;
  throw new TidingsError("bad_request", "ack: expected a stored message to one user");
}

const receiptOf = ({ id, timestamp }: Message, connections: number): Receipt =>
  new EphemeralReceipt(id, timestamp, connections);

function storedReceipt({ id, timestamp, epoch, offset, receivers }: Appended): Receipt {
  const state = receivers > 0 ? "delivered" : "stored";
  return { state, id, timestamp, epoch, offset, connections: receivers };
}

const repeatedStored = (appended: Appended): Receipt =>
  appended.receipt === undefined
    ? { ...storedReceipt({ ...appended, receivers: 0 }), duplicate: true }
    : repeated(appended.receipt);

const repeated = (receipt: string): Receipt => ({ ...(JSON.parse(receipt) as Receipt), duplicate: true }); // written by this file

export { Acks } from "./acks.ts";
export { addMember, applicationKey, removeMember, userKey } from "./application.ts";
export { Commands } from "./commands.ts";
export { Deliverer, type DeliverMeter, pushOf } from "./deliver.ts";
export {
  type ConnectRequest,
  type HookEvents,
  type HookName,
  Hooks,
  type IncomingMessage,
  type Listener,
  type PublishedMessage,
  refuse,
} from "./hooks.ts";
export { type Joined, Membership } from "./membership.ts";
export type { Attempt, Receipt } from "./receipt.ts";
export { type Retry, RetryError } from "./retry.ts";
export { Watchers } from "./watchers.ts";
