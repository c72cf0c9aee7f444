import type { Receipt } from "../../protocol/protocol.ts";
import type { CallPlan, Session } from "../session/session.ts";
import type { SendOptions } from "./message.ts";

/** A message to send, of any type. */
export interface AnyOutgoing {
  readonly type: string;
  readonly data?: unknown;
  readonly to?: string;
  readonly group?: string;
}

/** The server's default timeout of an acknowledgement. */
const ACK_TIMEOUT_MS = 5_000;

/** Sends messages with idempotency keys and timeouts. */
export class Sending {
  readonly #session: Session;
  readonly #timeoutMs: number;
  /** First part of the idempotency keys. The second part is a counter. */
  readonly #keyPrefix = randomText();
  #keys = 0;

  constructor(session: Session, timeoutMs: number) {
    this.#session = session;
    this.#timeoutMs = timeoutMs;
  }

  async send({ type, data = null, to, group }: AnyOutgoing, options: SendOptions): Promise<Receipt> {
    const { ack, timeoutMs, ephemeral, key = ephemeral ? undefined : this.#nextKey() } = options;
    const waiting = ack ? { ack, timeoutMs } : undefined;
    const fields = { type, data, to, group, key, ephemeral, ...waiting };
    return (await this.#session.call(fields, this.#planOf(options))) as Receipt; // as the protocol says
  }

  #planOf({ ack, ephemeral = false, timeoutMs }: SendOptions): CallPlan {
    const receiptMs = timeoutMs ?? this.#timeoutMs;
    // The server replies after the acknowledgement's timeout, so the client must wait longer than that.
    const ackMs = (timeoutMs ?? ACK_TIMEOUT_MS) + this.#timeoutMs;
    return {
      queued: !ephemeral,
      repeated: !ephemeral,
      timeoutMs: ack ? ackMs : receiptMs,
      timedFrom: "write",
    };
  }

  #nextKey(): string {
    return `${this.#keyPrefix}-${++this.#keys}`;
  }
}

/** 96 random bits. Pages without TLS have no `crypto.randomUUID`. */
function randomText(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("");
}
