import type { Channel } from "../../protocol/protocol.ts";
import type { AnyMessage } from "./message.ts";

/** A page of a channel's history, oldest message first. */
export interface HistoryPage<Events> {
  readonly epoch: string;
  readonly messages: readonly AnyMessage<Events>[];
  /** True when there are older messages. A page of large messages is shorter than its limit. */
  readonly more: boolean;
}

export interface HistoryQuery {
  /** @default the user's own channel */
  channel?: Channel | undefined;
  /** Only messages below this offset. @default the newest messages */
  before?: number | undefined;
  /** Number of messages, 1–200. @default 50 */
  limit?: number | undefined;
}
