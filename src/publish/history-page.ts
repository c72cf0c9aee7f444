import type { HistoryPage as BrokerPage, HistoryQuery as BrokerQuery } from "../backplane/backplane.ts";
import { type Channel, type HistoryPage, withText } from "../protocol/protocol.ts";
import type { HistoryReads, Reader } from "./budgets/reads.ts";
import { pushOf, pushText } from "./deliver.ts";

/** Selects a page of a history. */
export interface HistoryQuery {
  /** Only messages below this offset. @default the newest messages */
  readonly before?: number | undefined;
  /** Only messages since this time, in milliseconds since 1970: from the first one on that is not older. @default all */
  readonly since?: number | undefined;
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
  { before, since, limit = 50 }: HistoryQuery = {},
): Promise<HistoryPage> {
  reads.assertRoom();
  const read = (query: BrokerQuery): Promise<BrokerPage> => reads.read(reader, channel, query);
  if (since === undefined) return pageOf(await read(newest(limit, before)));
  // Losses between two reads are rare: then it begins again.
  for (;;) {
    const { epoch, last, messages } = await read({ since, limit: 1 });
    const oldest = messages[0]?.offset ?? last + 1;
    const count = (before ?? last + 1) - oldest;
    if (count <= 0) return { epoch, messages: [], more: false };
    const page = await read(newest(Math.min(limit, count), before));
    if (page.epoch === epoch) return pageOf(page, oldest);
  }
}

const newest = (limit: number, before?: number): BrokerQuery =>
  before === undefined ? { limit } : { before, limit };

/** @param oldest offset of the oldest message that is asked for. @default the oldest one retained */
function pageOf({ epoch, first, messages }: BrokerPage, oldest = first): HistoryPage {
  const more = (messages[0]?.offset ?? 0) > Math.max(first, oldest);
  // Clients and the HTTP API get the data as it was written.
  const text = (): string =>
    `{"epoch":${JSON.stringify(epoch)},"messages":[${messages.map(pushText).join(",")}],"more":${more}}`;
  return withText({ epoch, messages: messages.map(pushOf), more }, text);
}
