import { randomBytes } from "node:crypto";
import type { Appended, Backplane, Message } from "../backplane/backplane.ts";
import { assertType, type Channel, TidingsError, toTidingsError } from "../protocol/protocol.ts";
import type { Acks } from "./acks.ts";
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
    if (options.retry !== undefined) {
      const key = options.key ?? message.id;
      return withRetry(options.retry, () => this.#publishOnce(message, draft, { ...options, key }));
    }
    return this.#publishOnce(message, draft, options);
  }

  async #publishOnce(message: Message, draft: Draft, options: PublishOptions): Promise<Receipt> {
    const receipt = await this.#route(message, draft, options);
    if (!receipt.duplicate) this.#ports.delivered(message, receipt);
    return receipt;
  }

  #route(message: Message, { ephemeral }: Draft, options: PublishOptions): Promise<Receipt> {
    const { key, ack } = options;
    if (ephemeral) return this.#metered("ephemeral", () => this.#publishEphemeral(message, key));
    // The time that a sender waits for its receiver is not the hub's: only the storing is measured.
    const store = (): Promise<Receipt> => this.#metered("stored", () => this.#publishStored(message, key));
    return ack ? this.#publishAndWait(message, store, options) : store();
  }

  async #metered(kind: "stored" | "ephemeral", publish: () => Promise<Receipt>): Promise<Receipt> {
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1_000;
    try {
      const receipt = await publish();
      if (!receipt.duplicate) this.#ports.meter.published(kind, seconds());
      return receipt;
    } catch (thrown) {
      this.#ports.meter.published(kind, seconds(), toTidingsError(thrown));
      throw thrown;
    }
  }

  async #publishEphemeral(message: Message, key?: string): Promise<Receipt> {
    const { broker } = this.#ports.backplane;
    if (key !== undefined) {
      const own = receiptOf(message, 0);
      const first = await broker.claim(key, JSON.stringify(own));
      if (first !== undefined) return repeated(first);
    }
    const connections = this.#ports.deliverer.deliver(message);
    const routed = broker.relay(message);
    const nodes = typeof routed === "number" ? routed : await routed;
    await this.#ports.deliverer.room(message.channel);
    const receipt = receiptOf(message, connections + nodes);
    if (key !== undefined) await broker.settle(key, JSON.stringify(receipt));
    return receipt;
  }

  async #publishStored(message: Message, key?: string): Promise<Receipt> {
    const { broker } = this.#ports.backplane;
    const appended = await broker.append(message, key);
    if (appended.duplicate) return repeatedStored(appended);
    await this.#ports.deliverer.room(message.channel);
    const receipt = storedReceipt(appended);
    if (key !== undefined) await broker.settle(key, JSON.stringify(receipt));
    return receipt;
  }

  async #publishAndWait(
    message: Message,
    store: () => Promise<Receipt>,
    options: PublishOptions,
  ): Promise<Receipt> {
    const expectation = this.#ports.acks.expect(message.channel);
    try {
      const receipt = await store();
      if (receipt.duplicate && receipt.state === "acked") return receipt;
      const timeoutMs = options.timeoutMs ?? this.#ports.ackTimeoutMs;
      const acked = await expectation.reached(receipt.offset ?? 0, timeoutMs);
      const answered: Receipt = { ...receipt, state: acked ? "acked" : "stored" };
      if (options.key !== undefined) {
        await this.#ports.backplane.broker.settle(options.key, JSON.stringify(answered));
      }
      return answered;
    } finally {
      expectation.stop();
    }
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
export type { Attempt, Receipt, ReceiptState } from "./receipt.ts";
export { type Retry, RetryError } from "./retry.ts";
export { Watchers } from "./watchers.ts";
