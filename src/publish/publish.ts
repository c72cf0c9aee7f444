import { randomBytes } from "node:crypto";
import type { Appended, Backplane, Message } from "../backplane/backplane.ts";
import { assertType, type Channel, TidingsError, toTidingsError } from "../protocol/protocol.ts";
import type { Acks, Expectation } from "./acks.ts";
import type { Deliverer } from "./deliver.ts";
import type { Receipt } from "./receipt.ts";
import { type Retry, withRetry } from "./retry.ts";

/** What somebody wants to publish. */
export interface Draft {
  readonly channel: Channel;
  readonly type: string;
  readonly data?: unknown;
  /** The user who sends; absent for the application. */
  readonly from?: string;
  /** At most once, without history and offset. @default false */
  readonly ephemeral?: boolean;
  /** Only to connections on these platforms. */
  readonly platforms?: readonly string[];
  /** Not to the connections with these ids. Holds for live delivery; a connection's id does not survive it. */
  readonly except?: readonly string[];
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

/** Counts what is published. */
export interface PublishMeter {
  /** A publish has ended, well or not, after so many seconds. */
  published(kind: "stored" | "ephemeral", seconds: number, error?: TidingsError): void;
}

/** Takes messages in, and is the only way for one to reach a channel. */
export class Publisher {
  readonly #ports: PublisherPorts;
  readonly #idBase = randomBytes(6).toString("base64url");
  #sequence = 0;

  constructor(ports: PublisherPorts) {
    this.#ports = ports;
  }

  /**
   * Publishes a message.
   * @throws TidingsError `bad_request` for a bad type, data that is no JSON, or `ack` on anything but a stored
   * message to one user; `unavailable` while the backplane is away.
   */
  async publish(draft: Draft, options: PublishOptions = {}): Promise<Receipt> {
    const message = this.#message(draft);
    if (options.ack) assertAckable(draft);
    if (options.retry === undefined) return this.#publishOnce(message, draft, options);
    const key = options.key ?? message.id;
    return withRetry(options.retry, async () => this.#publishOnce(message, draft, { ...options, key }));
  }

  /** Nothing here waits unless it has to: what is done within this call costs no promise. */
  #publishOnce(message: Message, draft: Draft, options: PublishOptions): Receipt | Promise<Receipt> {
    if (options.ack) return this.#publishAwaited(message, options);
    const receipt = this.#place(message, draft.ephemeral ? "ephemeral" : "stored", options.key);
    if (receipt instanceof Promise) return receipt.then((placed) => this.#told(message, placed));
    return this.#told(message, receipt);
  }

  async #publishAwaited(message: Message, options: PublishOptions): Promise<Receipt> {
    const expectation = this.#ports.acks.expect(message.channel);
    try {
      const receipt = this.#told(message, await this.#place(message, "stored", options.key));
      return await this.#awaitAck(receipt, expectation, options);
    } finally {
      expectation.stop();
    }
  }

  #told(message: Message, receipt: Receipt): Receipt {
    if (!receipt.duplicate) this.#ports.delivered(message, receipt);
    return receipt;
  }

  /** Stores and delivers, without any wait for receivers: this is what the meter measures. */
  #place(message: Message, kind: "stored" | "ephemeral", key?: string): Receipt | Promise<Receipt> {
    const started = performance.now();
    const measured = (receipt: Receipt): Receipt => {
      if (!receipt.duplicate) this.#ports.meter.published(kind, (performance.now() - started) / 1_000);
      return receipt;
    };
    const failed = (thrown: unknown): never => {
      this.#ports.meter.published(kind, (performance.now() - started) / 1_000, toTidingsError(thrown));
      throw thrown;
    };
    try {
      const placed = kind === "stored" ? this.#store(message, key) : this.#pass(message, key);
      return placed instanceof Promise ? placed.then(measured, failed) : measured(placed);
    } catch (thrown) {
      return failed(thrown);
    }
  }

  /** An ephemeral message without key is done within this call when all its receivers are here. */
  #pass(message: Message, key?: string): Receipt | Promise<Receipt> {
    if (key !== undefined) return this.#passOnce(message, key);
    const { deliverer, backplane } = this.#ports;
    const connections = deliverer.deliver(message);
    const nodes = backplane.broker.relay(message);
    const room = deliverer.room(message.channel);
    if (typeof nodes === "number" && room === undefined) return receiptOf(message, connections + nodes);
    return Promise.all([nodes, room]).then(([reached]) => receiptOf(message, connections + reached));
  }

  async #passOnce(message: Message, key: string): Promise<Receipt> {
    const { broker } = this.#ports.backplane;
    const first = await broker.claim(key, JSON.stringify(receiptOf(message, 0)));
    if (first !== undefined) return repeated(first);
    const receipt = await this.#pass(message);
    await broker.settle(key, JSON.stringify(receipt));
    return receipt;
  }

  async #store(message: Message, key?: string): Promise<Receipt> {
    const { broker } = this.#ports.backplane;
    const appended = await broker.append(message, key);
    if (appended.duplicate) return repeatedStored(appended);
    const room = this.#ports.deliverer.room(message.channel);
    if (room !== undefined) await room;
    const receipt = storedReceipt(appended);
    if (key !== undefined) await broker.settle(key, JSON.stringify(receipt));
    return receipt;
  }

  async #awaitAck(receipt: Receipt, expectation: Expectation, options: PublishOptions): Promise<Receipt> {
    if (receipt.duplicate && receipt.state === "acked") return receipt;
    const timeoutMs = options.timeoutMs ?? this.#ports.ackTimeoutMs;
    const acked = await expectation.reached(receipt.offset ?? 0, timeoutMs);
    const answered: Receipt = { ...receipt, state: acked ? "acked" : "stored" };
    if (options.key !== undefined) {
      await this.#ports.backplane.broker.settle(options.key, JSON.stringify(answered));
    }
    return answered;
  }

  #message(draft: Draft): Message {
    assertType(draft.type);
    return {
      id: `${this.#idBase}-${(this.#sequence++).toString(36)}`,
      type: draft.type,
      body: encodeBody(draft.data),
      timestamp: Date.now(),
      from: draft.from,
      channel: draft.channel,
      platforms: draft.platforms,
      except: draft.except,
    };
  }
}

function encodeBody(data: unknown): string {
  try {
    return JSON.stringify(data) ?? "null";
  } catch (cause) {
    throw new TidingsError("bad_request", "data: expected a JSON value", { cause });
  }
}

function assertAckable({ channel, ephemeral }: Draft): void {
  if (!ephemeral && channel.startsWith("user:")) return;
  throw new TidingsError("bad_request", "ack: expected a stored message to one user");
}

const receiptOf = ({ id, timestamp }: Message, connections: number): Receipt => ({
  state: connections > 0 ? "delivered" : "offline",
  id,
  timestamp,
  connections,
});

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
  within,
} from "./hooks.ts";
export { type Joined, Membership } from "./membership.ts";
export type { Attempt, Receipt } from "./receipt.ts";
export { type Retry, RetryError } from "./retry.ts";
export { Watchers } from "./watchers.ts";
