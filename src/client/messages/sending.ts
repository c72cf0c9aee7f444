import { badRequest, type Receipt } from "../../protocol/protocol.ts";
import type { Session } from "../session/session.ts";
import { EVERY_TYPE } from "./listeners.ts";
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
  /**
   * First part of the idempotency keys, a random text. The second part is a counter. Pages without TLS and React Native
   * have no `crypto`, and a key is no secret.
   */
  readonly #keyPrefix = `${Math.random()}${Math.random()}`;
  #keys = 0;

  constructor(session: Session, timeoutMs: number) {
    this.#session = session;
    this.#timeoutMs = timeoutMs;
  }

  async send(message: AnyOutgoing, { signal }: SendOptions): Promise<Receipt> {
    assertTarget(message);
    const { type, data = null, to, group, ephemeral, ack, timeoutMs, count, echo, copy, ...others } = message;
    const { key = ephemeral ? undefined : `${this.#keyPrefix}-${++this.#keys}`, ...unknown } = others;
    if (typeof type !== "string" || type === EVERY_TYPE) throw badRequest('type: expected a text, not "*"');
    for (const name in unknown) throw badRequest(`${name}: expected it inside data`);
    const fields = {
      type,
      data,
      to,
      group,
      key,
      ephemeral,
      count,
      echo,
      copy,
      ...(ack && { ack, timeoutMs }),
    };
    // The server replies after the acknowledgement's timeout, so the client must wait longer than that.
    const ackMs = (timeoutMs ?? ACK_TIMEOUT_MS) + this.#timeoutMs;
    const sent = this.#session.call(fields, {
      queued: !ephemeral,
      repeated: !ephemeral,
      timeoutMs: ack ? ackMs : (timeoutMs ?? this.#timeoutMs),
      signal,
    });
    return sent as Promise<Receipt>; // as the protocol says
  }
}

/** @throws TidingsError `bad_request` for `to` or `group` that is undefined: the message would go to everyone */
export function assertTarget(target: Pick<AnyOutgoing, "to" | "group">): void {
  for (const name of ["to", "group"] as const) {
    if (name in target && target[name] === undefined) throw badRequest(`${name}: expected an id`);
  }
}
