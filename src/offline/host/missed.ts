import type { Channel, Client, HistoryPage, Position } from "../../client/client.ts";

/** Largest number of offsets of those that a tab has missed which it gets at a time: a page of the history. */
export const PAGE = 200;

/** A frame that tells of a position, as the server sends it. */
export const frameOf = (
  channel: Channel,
  { epoch, offset }: Position,
  { recovered = true, missed }: { recovered?: boolean; missed?: boolean } = {},
): object => ({ event: "position", channel, epoch, offset, recovered, missed });

/** Messages of a part of a history, the oldest first. */
interface Part {
  readonly messages: HistoryPage["messages"];
  /** The history holds something from before this part, so an offset without a message is one of a notice. */
  readonly hasOlder: boolean;
}

/**
 * Reads what follows a tab's position: a page of offsets, or as far as the first message that is still retained.
 * @param last offset behind which the next live message comes
 * @returns the frames for the tab: the messages, and a position for each offset without one; undefined when this history is gone
 */
export async function missedFrames(
  client: Client,
  channel: Channel,
  position: Position,
  last: number,
): Promise<object[] | undefined> {
  const { epoch, offset } = position;
  let part: Part | undefined;
  let end = offset;
  // After a long absence the first pages are empty.
  for (let size = PAGE; end < last && !part?.hasOlder && !part?.messages[0]; size *= 4) {
    end = Math.min(offset + size, last);
    part = await readPart(client, channel, position, end);
    if (!part) return undefined;
  }
  const { messages, hasOlder } = part ?? { messages: [], hasOlder: true };
  const at = (to: number, recovered = true): object => frameOf(channel, { epoch, offset: to }, { recovered });
  // The first one tells the SDK that the tab continues at its own position.
  const frames = [at(offset)];
  let next = offset + 1;
  const first = messages[0]?.offset ?? end + 1;
  if (!hasOlder && first > next) {
    frames.push(at(first - 1, false));
    next = first;
  }
  for (const message of messages) {
    const { offset: own = 0, deletedAt } = message;
    // Without its data, a deleted message is one that the tab has never had.
    if (deletedAt) continue;
    while (next < own) frames.push(at(next++));
    frames.push(message);
    next++;
  }
  while (next <= end) frames.push(at(next++));
  return frames;
}

/** Reads the messages after a position. It goes backwards, and its pages may be short. @returns undefined in another epoch */
async function readPart(
  client: Client,
  channel: Channel,
  { epoch, offset }: Position,
  end: number,
): Promise<Part | undefined> {
  let messages: HistoryPage["messages"] = [];
  for (let before = end + 1; ; ) {
    const page = await client.history({ channel, before, limit: PAGE });
    if (page.epoch !== epoch) return undefined;
    // A page without messages is the last one.
    before = page.messages[0]?.offset ?? end + 1;
    messages = [...page.messages.filter((each) => (each.offset ?? 0) > offset), ...messages];
    if (!page.more || before <= offset + 1) return { messages, hasOlder: page.more || before <= offset };
  }
}
