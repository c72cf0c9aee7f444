import { type Receipt, type Target, TidingsError } from "../../protocol/protocol.ts";
import type { CallPlan, Session } from "../session/session.ts";
import { EVERY_TYPE } from "./listeners.ts";
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

  async send(message: AnyOutgoing, options: SendOptions): Promise<Receipt> {
    assertTarget(message);
    const { type, data = null, to, group } = message;
    if (typeof type !== "string" || type === EVERY_TYPE) {
      throw new TidingsError("bad_request", 'type: expected a text other than "*"');
    }
    const { ack, timeoutMs, ephemeral, key = ephemeral ? undefined : this.#nextKey() } = options;
    const waiting = ack ? { ack, timeoutMs } : undefined;
    const fields = { type, data, to, group, key, ephemeral, ...waiting };
    return (await this.#session.call(fields, this.#planOf(options))) as Receipt; // as the protocol says
  }

  #planOf({ ack, ephemeral = false, timeoutMs, signal }: SendOptions): CallPlan {
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

/** A random text. Pages without TLS and React Native have no `crypto`, and a key is no secret. */
const randomText = (): string =>
  [Math.random(), Math.random()].map((part) => part.toString(36).slice(2)).join("");

/** @throws TidingsError `bad_request` for `to` or `group` that is undefined: the message would go to everyone */
export function assertTarget(target: Target): void {
  for (const name of ["to", "group"] as const) {
    if (name in target && target[name] === undefined) {
      throw new TidingsError("bad_request", `${name}: expected an id, not undefined`);
    }
  }
}
