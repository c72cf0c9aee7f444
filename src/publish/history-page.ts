import type { Backplane, StoredMessage } from "../backplane/backplane.ts";
import type { Channel, Push } from "../protocol/protocol.ts";
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
  /** Characters of data above which the page ends early; one message always fits. @default unlimited */
  readonly maxLength?: number;
}

/** Reads the newest page of a channel's history below an offset. */
export async function historyPage(
  { broker }: Backplane,
  channel: Channel,
  { maxLength = Number.POSITIVE_INFINITY, ...query }: HistoryPageQuery,
): Promise<HistoryReply> {
  const { epoch, first, messages } = await broker.history(channel, query);
  const page = newestWithin(messages, maxLength);
  return { epoch, messages: page.map(pushOf), more: (page[0]?.offset ?? first) > first };
}

function newestWithin(messages: readonly StoredMessage[], maxLength: number): readonly StoredMessage[] {
  let length = 0;
  const before = messages.findLastIndex(({ body }) => {
    length += body.length;
    return length > maxLength;
  });
  return messages.slice(Math.min(before + 1, messages.length - 1));
}
