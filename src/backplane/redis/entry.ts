import type { Channel } from "../../protocol/protocol.ts";
import type { Message, StoredMessage } from "../message.ts";
import { decodeList, ENTRY, encodeList, FIELD } from "./line.ts";

/** Fields that a line `T` gives of each message's channel, before the messages. */
const FIELDS_EACH = 3;

/** A message as its history keeps it: everything but its channel, whose history it is, and its offset, which is where it stands there. */
export function encodeEntry({ id, type, body, timestamp, from = "", platforms, except }: Message): string {
  const entry = id + FIELD + type + FIELD + body + FIELD + timestamp + FIELD + from;
  if (platforms === undefined && except === undefined) return entry;
  return entry + FIELD + encodeList(platforms) + FIELD + encodeList(except);
}

/** Where a message of a history belongs. */
export interface EntryPlace {
  readonly channel: Channel;
  readonly epoch: string;
  readonly offset: number;
}

/** The reverse of {@link encodeEntry}. */
export function decodeEntry(text: string, { channel, epoch, offset }: EntryPlace): StoredMessage {
  const typeAt = text.indexOf(FIELD) + 1;
  const bodyAt = text.indexOf(FIELD, typeAt) + 1;
  const timestampAt = text.indexOf(FIELD, bodyAt) + 1;
  const fromAt = text.indexOf(FIELD, timestampAt) + 1;
  const restAt = text.indexOf(FIELD, fromAt) + 1;
  const from = restAt === 0 ? text.slice(fromAt) : text.slice(fromAt, restAt - 1);
  const [platforms, except] = restAt === 0 ? [] : text.slice(restAt).split(FIELD);
  return {
    id: text.slice(0, typeAt - 1),
    type: text.slice(typeAt, bodyAt - 1),
    body: text.slice(bodyAt, timestampAt - 1),
    timestamp: Number(text.slice(timestampAt, fromAt - 1)),
    from: from === "" ? undefined : from,
    channel,
    platforms: decodeList(platforms),
    except: decodeList(except),
    epoch,
    offset,
  };
}

/** What a line `T` says of a message's channel: which it is, its epoch, and the offset before its list. */
export const headOf = (channel: Channel, epoch: string, start: number): string =>
  FIELD + channel + FIELD + epoch + FIELD + start;

/**
 * The messages of a line `T`: its kind and a head for each message, then the entry of each.
 * @param lengths what the line `S` behind it says: to what length each one's list came; 0 for a message that is in another line
 */
export function decodeStored(line: string, lengths: readonly string[]): StoredMessage[] {
  const [opening = "", ...entries] = line.split(ENTRY);
  const heads = opening.split(FIELD);
  entries.pop(); // each ends with the separator
  const messages: StoredMessage[] = [];
  for (const [index, word] of lengths.entries()) {
    const at = 1 + index * FIELDS_EACH;
    const text = entries[index];
    const length = Number(word);
    if (text === undefined || !(length > 0)) continue;
    const channel = heads[at] as Channel; // the node that sent it has checked it
    const epoch = heads[at + 1] ?? "";
    messages.push(decodeEntry(text, { channel, epoch, offset: Number(heads[at + 2]) + length }));
  }
  return messages;
}
