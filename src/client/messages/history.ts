import type { Channel } from "../../protocol/protocol.ts";

export interface HistoryQuery {
  /** @default the user's own channel */
  channel?: Channel | undefined;
  /** Only messages below this offset. @default the newest messages */
  before?: number | undefined;
  /** Only messages since this time: milliseconds since 1970, or a text such as 2026-01-31T12:00:00Z. @default all */
  since?: number | string | undefined;
  /** Number of messages, 1–200. @default 50 */
  limit?: number | undefined;
}
