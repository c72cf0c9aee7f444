import { readContent } from "../../model/content.ts";
import type { MessageEntry } from "../../model/conversation.ts";
import type { Pending } from "../../model/outbox.ts";

/**
 * Tells whether a message that was sent without a reply is among those of the conversation: it arrived, and its receipt is on the way, to
 * this tab or to another one of the user.
 */
export function isArrived(
  { data, after, failure }: Pending,
  entries: readonly MessageEntry[],
  user: string,
): boolean {
  if (after === undefined || failure !== undefined) return false;
  const content = JSON.stringify(readContent("chat", data));
  return entries.some(
    (entry) => entry.offset > after && entry.from === user && JSON.stringify(entry.content) === content,
  );
}
