import type { Channel, Push } from "../protocol/protocol.ts";
import type { HistoryReads, Reader } from "./budgets/reads.ts";
import { pushOf } from "./deliver.ts";

/** A page of chat history, as clients and the HTTP API see it. */
export interface HistoryReply {
  readonly epoch: string;
  /** Oldest first. */
  readonly messages: readonly Push[];
  /** True when there are older ones. */
  readonly more: boolean;
}

export interface HistoryPageQuery {
  /** Only messages below this offset. @default the newest */
  readonly before?: number;
  readonly limit: number;
}

/**
 * Reads the newest page of a channel's history below an offset. It may be shorter than the limit, because it ends early
 * at `history.pageBytes`.
 * @throws TidingsError `unavailable` while too many reads wait, and without the backplane
 */
export async function historyPage(
  reads: HistoryReads,
  reader: Reader,
  channel: Channel,
  query: HistoryPageQuery,
): Promise<HistoryReply> {
  reads.assertRoom();
  const { epoch, first, messages } = await reads.read(reader, channel, query);
  return { epoch, messages: messages.map(pushOf), more: (messages[0]?.offset ?? first) > first };
}
