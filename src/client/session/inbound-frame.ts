import type { ErrorCode } from "../../protocol/protocol.ts";

/** A parsed frame of any kind. Its kind is known only after its `type` is checked. */
export interface InboundFrame {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly data?: unknown;
  readonly error?: {
    readonly code?: ErrorCode;
    readonly message?: string;
    readonly retryAfterMs?: number;
  };
}
