import type { Channel } from "../../protocol/protocol.ts";

export interface HistoryQuery {
  /** @default the user's own channel */
  channel?: Channel | undefined;
  /** Only messages below this offset. @default the newest messages */
  before?: number | undefined;
  /** Number of messages, 1–200. @default 50 */
  limit?: number | undefined;
}
