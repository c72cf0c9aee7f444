import { type Channel, TidingsError } from "../../../protocol/protocol.ts";
import type { Message } from "../../message.ts";
import { decodeList, ENTRY, encodeList, FIELD, LINE, lineOf } from "./lines.ts";

/** Opening of a line of ephemeral messages: its kind, and the fields that all its messages share. */
export function encodeShared(message: Message): string {
  const { type, timestamp, from = "", platforms, except, recipient, trace } = message;
  const shared = [type, String(timestamp), from];
  const isSpecial = recipient !== undefined || trace !== undefined;
  if (platforms !== undefined || except !== undefined || isSpecial)
    shared.push(encodeList(platforms), encodeList(except));
  if (isSpecial) shared.push(recipient ?? "");
  if (trace !== undefined) shared.push(trace);
  return lineOf(LINE.ephemeral, ...shared);
}

/**
 * True if two messages come from one call and have the same data. Their bodies are not compared: that would cost every
 * message.
 */
export const hasSameContent = ({ content }: Message, before: Message | undefined): boolean =>
  content !== undefined && content === before?.content;

/** True if two messages fit in one line. Lists are compared by identity, which is cheaper and enough. */
export const hasSameShared = (message: Message, other: Message): boolean =>
  hasSameContent(message, other) ||
  (message.timestamp === other.timestamp &&
    message.type === other.type &&
    message.from === other.from &&
    message.platforms === other.platforms &&
    message.except === other.except &&
    message.recipient === other.recipient &&
    message.trace === other.trace);

/** The fields of one message. */
export const encodeOwn = ({ id, body, channel }: Message): string =>
  ENTRY + id + FIELD + body + FIELD + channel;

/** The fields of a message with the same content as the one before. An empty body says so: no other message has one. */
export const encodeRepeated = ({ id, channel }: Message): string => ENTRY + id + FIELD + FIELD + channel;

/**
 * Decodes a line of ephemeral messages. Fields are found one by one: an array of them would cost as much as the message
 * itself.
 * @returns number of messages
 * @throws TidingsError `internal` at a message with too few fields
 */
export function eachEphemeral(line: string, deliver: (message: Message) => void): number {
  const end = line.indexOf(ENTRY);
  const [, type = "", timestamp, from, platforms, except, recipient, trace] = line
    .slice(0, Math.max(0, end))
    .split(FIELD);
  const shared = {
    type,
    timestamp: Number(timestamp),
    from: from === "" ? undefined : from,
    platforms: decodeList(platforms),
    except: decodeList(except),
    recipient: recipient === "" ? undefined : recipient,
    trace,
  };
  if (Number.isNaN(shared.timestamp)) throw incomplete();
  let count = 0;
  let body = "";
  for (let start = end + 1; start > 0; count++) {
    const bodyAt = afterField(line, start);
    const channel = afterField(line, bodyAt);
    const next = line.indexOf(ENTRY, channel) + 1;
    if (channel - bodyAt > 1) body = line.slice(bodyAt, channel - 1);
    if (body === "") throw incomplete();
    deliver({
      id: line.slice(start, bodyAt - 1),
      type: shared.type,
      body,
      timestamp: shared.timestamp,
      from: shared.from,
      channel: line.slice(channel, next === 0 ? undefined : next - 1) as Channel, // checked by the node that sent it
      platforms: shared.platforms,
      except: shared.except,
      recipient: shared.recipient,
      trace: shared.trace,
    });
    start = next;
  }
  return count;
}

/** Index behind the field that begins at `start`. */
function afterField(line: string, start: number): number {
  const end = line.indexOf(FIELD, start);
  if (end === -1) throw incomplete();
  return end + 1;
}

const incomplete = (): TidingsError =>
  new TidingsError("internal", "a node sent a message without its end: a field is missing");
