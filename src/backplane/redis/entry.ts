import type { Channel } from "../../protocol/protocol.ts";
import type { Message, StoredMessage } from "../message.ts";
import { decodeList, ENTRY, encodeList, FIELD } from "./line.ts";

/** Fields that a line gives of each message's channel, before the messages. */
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

/** What a line says of a message's channel: which it is, its epoch, and the offset before its list. */
export const headOf = (channel: Channel, epoch: string, start: number): string =>
  FIELD + channel + FIELD + epoch + FIELD + start;

/** Stored messages as they travel: what the line begins with, a head for each, then the entry of each. */
export class StoredLine {
  #heads: string;
  #entries = ENTRY;
  #length = 0;

  /** @param opening the line's kind, and other fields of its own */
  constructor(opening: string) {
    this.#heads = opening;
  }

  add(head: string, entry: string): void {
    this.#heads += head;
    this.#entries += entry + ENTRY;
    this.#length += head.length + entry.length;
  }

  /** Characters of heads and entries. */
  get length(): number {
    return this.#length;
  }

  /** Where in the line the first entry begins, in bytes. */
  get entriesAt(): number {
    return Buffer.byteLength(this.#heads) + ENTRY.length;
  }

  get text(): string {
    return this.#heads + this.#entries;
  }
}

/**
 * The messages of a {@link StoredLine}.
 * @param fields how many fields its opening has
 * @param lengths to what length the list of each message came; 0 for a message that comes in another line
 */
export function decodeStored(line: string, fields: number, lengths: readonly string[]): StoredMessage[] {
  const [opening = "", ...entries] = line.split(ENTRY);
  const heads = opening.split(FIELD);
  entries.pop(); // each ends with the separator
  const messages: StoredMessage[] = [];
  for (const [index, word] of lengths.entries()) {
    const at = fields + index * FIELDS_EACH;
    const text = entries[index];
    const length = Number(word);
    if (text === undefined || !(length > 0)) continue;
    const channel = heads[at] as Channel; // the node that sent it has checked it
    const epoch = heads[at + 1] ?? "";
    messages.push(decodeEntry(text, { channel, epoch, offset: Number(heads[at + 2]) + length }));
  }
  return messages;
}

/** The channels of its messages. */
export function channelsOf(line: string, fields: number): Set<Channel> {
  const heads = line.slice(0, line.indexOf(ENTRY)).split(FIELD).slice(fields);
  return new Set(heads.filter((_, index) => index % FIELDS_EACH === 0) as Channel[]); // by the node that sent it
}
