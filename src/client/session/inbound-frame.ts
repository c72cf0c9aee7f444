import type { ErrorCode } from "../../protocol/protocol.ts";

/** A parsed frame of any kind. Its kind is known only after `type` and `event` are checked. */
export interface InboundFrame {
  /** Present on messages and `pong`. */
  readonly type?: unknown;
  /** Present on frames of the protocol. */
  readonly event?: unknown;
  readonly id?: unknown;
  readonly data?: unknown;
  readonly error?: {
    readonly code?: ErrorCode;
    readonly message?: string;
    readonly retryAfterMs?: number;
  };
}
