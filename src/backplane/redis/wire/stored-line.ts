import type { Channel, Position } from "../../../protocol/protocol.ts";
import type { Message, MessageChange, StoredMessage } from "../../message.ts";
import { decodeList, ENTRY, encodeList, FIELD } from "./lines.ts";

/**
 * Fields of an entry in their order, for scripts that read some of them. `encodeEntry` and `decodeEntry` are unrolled
 * for speed.
 */
export const ENTRY_FIELDS = [
  "id",
  "type",
  "body",
  "timestamp",
  "from",
  "platforms",
  "except",
  "recipient",
  "change",
  "trace",
] as const;
export type EntryField = (typeof ENTRY_FIELDS)[number];

/**
 * Fields of the header that a line has for each of its messages, in their order: its channel, the channel's epoch, and
 * the offset before its list. The scripts build headers from it; `headerOf` and `decodeStored` are unrolled for speed.
 */
export const HEADER = ["channel", "epoch", "start"] as const;

/** Decodes the field `change`, as the script EDIT writes it: offset of the notice, time, and 1 for a deletion. */
function decodeChange(text: string): MessageChange {
  const [notice, at, deleted] = text.split(" ");
  return { at: Number(at), notice: Number(notice), deleted: deleted === "1" };
}

/**
 * Encodes an entry: a message as its history in Redis stores it. The entry has neither channel nor offset: the list's
 * key names the channel, and the index in the list gives the offset.
 */
export function encodeEntry(message: Message): string {
  const { id, type, body, timestamp, from = "", platforms, except, recipient, trace } = message;
  const entry = id + FIELD + type + FIELD + body + FIELD + timestamp + FIELD + from;
  const isSpecial = recipient !== undefined || trace !== undefined;
  if (platforms === undefined && except === undefined && !isSpecial) return entry;
  const filtered = entry + FIELD + encodeList(platforms) + FIELD + encodeList(except);
  if (trace !== undefined) return filtered + FIELD + (recipient ?? "") + FIELD + FIELD + trace;
  return recipient === undefined ? filtered : filtered + FIELD + recipient;
}

/** Channel of an entry and its position there. */
export interface EntryPosition extends Position {
  readonly channel: Channel;
}

const NOTHING: readonly string[] = [];

/** Decodes an entry of {@link encodeEntry}. */
export function decodeEntry(text: string, { channel, epoch, offset }: EntryPosition): StoredMessage {
  const typeAt = text.indexOf(FIELD) + 1;
  const bodyAt = text.indexOf(FIELD, typeAt) + 1;
  const timestampAt = text.indexOf(FIELD, bodyAt) + 1;
  const fromAt = text.indexOf(FIELD, timestampAt) + 1;
  const restAt = text.indexOf(FIELD, fromAt) + 1;
  const from = restAt === 0 ? text.slice(fromAt) : text.slice(fromAt, restAt - 1);
  const rest = restAt === 0 ? NOTHING : text.slice(restAt).split(FIELD);
  const message = {
    id: text.slice(0, typeAt - 1),
    type: text.slice(typeAt, bodyAt - 1),
    body: text.slice(bodyAt, timestampAt - 1),
    timestamp: Number(text.slice(timestampAt, fromAt - 1)),
    from: from === "" ? undefined : from,
    channel,
    platforms: decodeList(rest[0]),
    except: decodeList(rest[1]),
    recipient: rest[2] === "" ? undefined : rest[2],
    trace: rest[4] === "" ? undefined : rest[4],
    epoch,
    offset,
  };
  const change = rest[3];
  return change === undefined || change === "" ? message : { ...message, change: decodeChange(change) };
}

/** Encodes a {@link HEADER}. */
export const headerOf = (channel: Channel, epoch: string, start: number): string =>
  FIELD + channel + FIELD + epoch + FIELD + start;

/** Builds a line of stored messages: its opening, a header for each message, then their entries. */
export class StoredLine {
  #headers: string;
  #entries = ENTRY;
  #length = 0;

  /** @param opening kind and other fields before the headers */
  constructor(opening: string) {
    this.#headers = opening;
  }

  add(header: string, entry: string): void {
    this.#headers += header;
    this.#entries += entry + ENTRY;
    this.#length += header.length + entry.length;
  }

  /** Characters of headers and entries. */
  get length(): number {
    return this.#length;
  }

  /** Bytes before the first entry. */
  get entriesAt(): number {
    return Buffer.byteLength(this.#headers) + ENTRY.length;
  }

  get text(): string {
    return this.#headers + this.#entries;
  }
}

/**
 * Decodes the messages of a {@link StoredLine}. A message's offset is the one before its list, plus the list's length
 * after the append.
 * @param openingFields number of fields before the headers
 * @param lengths of each message: length of its list; 0 or less for a message that was not appended from this line
 */
export function decodeStored(
  line: string,
  openingFields: number,
  lengths: readonly string[],
): StoredMessage[] {
  const [opening = "", ...entries] = line.split(ENTRY);
  const fields = opening.split(FIELD);
  entries.pop(); // each ends with the separator
  const messages: StoredMessage[] = [];
  for (const [index, word] of lengths.entries()) {
    const at = openingFields + index * HEADER.length;
    const text = entries[index];
    const length = Number(word);
    if (text === undefined || !(length > 0)) continue;
    const channel = fields[at] as Channel; // checked by the node that sent it
    const epoch = fields[at + 1] ?? "";
    messages.push(decodeEntry(text, { channel, epoch, offset: Number(fields[at + 2]) + length }));
  }
  return messages;
}

/** Channels of the messages of a {@link StoredLine}. */
export function channelsOf(line: string, openingFields: number): Set<Channel> {
  const fields = line.slice(0, line.indexOf(ENTRY)).split(FIELD).slice(openingFields);
  return new Set(fields.filter((_, index) => index % HEADER.length === 0) as Channel[]); // checked by the node that sent it
}
