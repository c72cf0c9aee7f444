import { changed, type MessageEdit, messageGone, type StoredMessage, withdrawn } from "../../message.ts";
import type { ChannelState } from "./channel.ts";
import { audienceOf, sizeOf } from "./columns.ts";
import type { Histories } from "./histories.ts";
import { readOne } from "./pages.ts";

/**
 * Changes a message where it lies, and appends the notice of it. To be called in a transaction.
 * @throws TidingsError `not_found`, before anything has changed
 */
export function editMessage(
  histories: Histories,
  { notice, epoch, offset, id, body }: MessageEdit,
): StoredMessage {
  const state = histories.find(notice.channel);
  const message = state?.epoch === epoch ? readOne(histories, state, offset) : undefined;
  if (state === undefined || message?.id !== id || message.change?.deleted)
    throw messageGone(notice.channel, offset);
  histories.settle(state);
  const former = message.change && readOne(histories, state, message.change.notice);
  if (former !== undefined) replace(histories, state, former, withdrawn(former));
  const change = { at: notice.timestamp, notice: state.last + 1, deleted: body === null };
  replace(histories, state, message, changed(message, body, change));
  const stored = histories.append(notice);
  // Rows are saved when they have grown by a quarter; after an edit the history may have shrunk.
  histories.save(state);
  return stored;
}

/** Changes one row. `total` of later rows stays as it is, which would have to follow a change of size: the difference has a row of its own. */
function replace(
  { statements }: Histories,
  state: ChannelState,
  former: StoredMessage,
  message: StoredMessage,
): void {
  const growth = sizeOf(message) - sizeOf(former);
  const { history } = state;
  statements.replace.run(message.body, audienceOf(message), sizeOf(message), growth, history, message.offset);
  if (growth === 0) return;
  statements.grow.run(history, message.offset, growth);
  state.isEdited = true;
  state.grown += growth;
}
