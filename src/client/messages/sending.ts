import type { Receipt } from "../../protocol/protocol.ts";
import type { CallPlan } from "../session/calls.ts";
import type { Session } from "../session/session.ts";
import type { SendOptions } from "./message.ts";

/** A message to send, of whatever type. */
export interface AnyOutgoing {
  readonly type: string;
  readonly data?: unknown;
  readonly to?: string;
  readonly group?: string;
}

/** How long the server waits for an acknowledgement unless told. */
const ACK_TIMEOUT_MS = 5_000;

/** Gives messages their keys, and decides how long each may take. */
export class Sending {
  readonly #session: Session;
  readonly #timeoutMs: number;
  /** First half of the idempotency keys; the other counts. */
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
    const answerMs = timeoutMs ?? this.#timeoutMs;
    // The server answers by itself when the time for the acknowledgement is up; the client only outlasts it.
    const ackMs = (timeoutMs ?? ACK_TIMEOUT_MS) + this.#timeoutMs;
    return {
      queued: !ephemeral,
      repeated: !ephemeral,
      timeoutMs: ack ? ackMs : answerMs,
      timedFrom: "write",
    };
  }

  #nextKey(): string {
    return `${this.#keyPrefix}-${++this.#keys}`;
  }
}

/** 96 random bits. (`crypto.randomUUID` is missing on pages without TLS.) */
function randomText(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("");
}
