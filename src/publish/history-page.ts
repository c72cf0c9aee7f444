import { type Channel, type HistoryPage, withText } from "../protocol/protocol.ts";
import type { HistoryReads, Reader } from "./budgets/reads.ts";
import { pushOf, pushText } from "./deliver.ts";

/** Selects a page of a history. */
export interface HistoryQuery {
  /** Only messages below this offset. @default the newest messages */
  readonly before?: number | undefined;
  /** Number of messages, 1–200. @default 50 */
  readonly limit?: number | undefined;
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
  { before, limit = 50 }: HistoryQuery = {},
): Promise<HistoryPage> {
  reads.assertRoom();
  const { epoch, first, messages } = await reads.read(
    reader,
    channel,
    before === undefined ? { limit } : { before, limit },
  );
  const more = (messages[0]?.offset ?? first) > first;
  // Clients and the HTTP API get the data as it was written.
  const text = (): string =>
    `{"epoch":${JSON.stringify(epoch)},"messages":[${messages.map(pushText).join(",")}],"more":${more}}`;
  return withText({ epoch, messages: messages.map(pushOf), more }, text);
}
