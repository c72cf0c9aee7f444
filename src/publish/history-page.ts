import type {
  HistoryQuery as BrokerQuery,
  StoredMessage,
  HistoryPage as StoredPage,
} from "../backplane/backplane.ts";
import { type Channel, type HistoryPage, isNotice, TidingsError, withText } from "../protocol/protocol.ts";
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
  /**
   * User on whose behalf the application reads, such as the sender of an HTTP request. The read then counts with those of the user's
   * connections: two at a time, and 1 MiB a second after the first 8 MiB, so that one user cannot delay the others. @default the application
   */
  readonly reader?: string | undefined;
}

type Read = (query: BrokerQuery) => Promise<StoredPage>;

/** Messages of a read below a page of notices only, which are small. */
const NEXT_READ = 500;

/** Reads of a page since a time, each of which may find another history than the one before. */
const MAX_ATTEMPTS = 3;

/**
 * Reads the newest page of a channel's history below an offset. Messages come as they were edited, and the notices of that are left out.
 * The page may be shorter than the limit, because it ends early at `history.pageBytes`, and by the notices in it.
 * @throws TidingsError `unavailable` while too many reads wait, and without the backplane
 */
export async function historyPage(
  reads: HistoryReads,
  reader: Reader,
  channel: Channel,
  { before, since, limit = 50 }: HistoryQuery = {},
): Promise<HistoryPage> {
  reads.assertRoom();
  const read: Read = (query) => reads.read(reader, channel, query);
  const query = before === undefined ? { limit } : { before, limit };
  if (since === undefined) return pageOf(read, query, 1);
  // Losses between two reads are rare: then it begins again.
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const { epoch, last, messages } = await read({ since, limit: 1 });
    const page = await pageOf(read, query, messages[0]?.offset ?? last + 1);
    if (page.epoch === epoch) return page;
  }
  throw new TidingsError(
    "unavailable",
    `the history of ${channel} was lost again and again while it was read`,
  );
}

/** @param oldest offset of the oldest message that is asked for */
async function pageOf(
  read: Read,
  query: { readonly before?: number; readonly limit: number },
  oldest: number,
): Promise<HistoryPage> {
  const { limit } = query;
  let page = await read(query);
  let found = messagesIn(page, oldest);
  // A page of notices only would look like the end.
  while (found.length === 0 && hasOlder(page, oldest)) {
    page = await read({ before: page.messages[0]?.offset ?? 1, limit: NEXT_READ });
    found = messagesIn(page, oldest);
  }
  const { epoch } = page;
  const messages = found.slice(-limit);
  const more = found.length > messages.length || hasOlder(page, oldest);
  // Clients and the HTTP API get the data as it was written.
  const text = (): string =>
    `{"epoch":${JSON.stringify(epoch)},"messages":[${messages.map(pushText).join(",")}],"more":${more}}`;
  return withText({ epoch, messages: messages.map(pushOf), more }, text);
}

const messagesIn = ({ messages }: StoredPage, oldest: number): readonly StoredMessage[] =>
  messages.filter(({ type, offset }) => offset >= oldest && !isNotice(type));

const hasOlder = ({ messages, first }: StoredPage, oldest: number): boolean =>
  (messages[0]?.offset ?? first) > Math.max(first, oldest);
