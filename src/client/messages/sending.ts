import { type Receipt, TidingsError } from "../../protocol/protocol.ts";
import type { CallPlan, Session } from "../session/session.ts";
import type { DeliveryFields, SendOptions } from "./message.ts";

/** A message to send, of any type. */
export interface AnyOutgoing extends DeliveryFields {
  readonly type: string;
  readonly data?: unknown;
  readonly to?: string | undefined;
  readonly group?: string | undefined;
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

  async send(message: AnyOutgoing, { signal }: SendOptions): Promise<Receipt> {
    const { type, data = null, to, group, ephemeral, ack, timeoutMs, count, ...others } = message;
    const { key = ephemeral ? undefined : this.#nextKey(), ...unknown } = others;
    const [extra] = Object.keys(unknown);
    if (extra !== undefined)
      throw new TidingsError("bad_request", `${extra}: no field of a message, expected it inside data`);
    signal?.throwIfAborted();
    const waiting = ack ? { ack, timeoutMs } : undefined;
    const fields = { type, data, to, group, key, ephemeral, count, ...waiting };
    const sent = this.#session.call(fields, this.#planOf(message));
    return (await (signal === undefined ? sent : Promise.race([sent, aborted(signal)]))) as Receipt; // as the protocol says
  }

  #planOf({ ack, ephemeral = false, timeoutMs }: DeliveryFields): CallPlan {
    const receiptMs = timeoutMs ?? this.#timeoutMs;
    // The server replies after the acknowledgement's timeout, so the client must wait longer than that.
    const ackMs = (timeoutMs ?? ACK_TIMEOUT_MS) + this.#timeoutMs;
    return {
      queued: !ephemeral,
      repeated: !ephemeral,
      timeoutMs: ack ? ackMs : receiptMs,
      timedFrom: "write",
      signal,
    };
  }

  #nextKey(): string {
    return `${this.#keyPrefix}-${++this.#keys}`;
  }
}

/** Rejects with the reason of a signal. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

/** 96 random bits. Pages without TLS have no `crypto.randomUUID`. */
function randomText(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("");
}
