import { type Channel, TidingsError } from "../../protocol/protocol.ts";
import type { Message } from "../message.ts";
import { decodeList, ENTRY, encodeList, FIELD, lineOf } from "./line.ts";

/** What a message shares with those before it, which is said once for all of them: what a line `M` begins with. */
export function sharedOf({ type, timestamp, from = "", platforms, except }: Message): string {
  const shared = [type, String(timestamp), from];
  if (platforms !== undefined || except !== undefined) shared.push(encodeList(platforms), encodeList(except));
  return lineOf("M", ...shared);
}

/** Tells whether two messages are known to say the same. Texts are not compared. */
export const isRepeat = ({ content }: Message, before: Message | undefined): boolean =>
  content !== undefined && content === before?.content;

/** Tells whether two messages share all of it. Lists are the same only when they are one: to compare them would cost more. */
export const isAlike = (message: Message, other: Message): boolean =>
  isRepeat(message, other) ||
  (message.timestamp === other.timestamp &&
    message.type === other.type &&
    message.from === other.from &&
    message.platforms === other.platforms &&
    message.except === other.except);

/** What is its own. */
export const ownOf = ({ id, body, channel }: Message): string => ENTRY + id + FIELD + body + FIELD + channel;

/** What is its own when it says the same as the one before: without data, which no other message is. */
export const repeatOf = ({ id, channel }: Message): string => ENTRY + id + FIELD + FIELD + channel;

/**
 * Hands over the messages of a line `M`. Their fields are found one by one: an array of them would cost as much as the message itself.
 * @returns how many they were
 * @throws TidingsError `internal` at a message with too few
 */
export function eachPassed(line: string, deliver: (message: Message) => void): number {
  const end = line.indexOf(ENTRY);
  const [, type = "", timestamp, from, platforms, except] = line.slice(0, Math.max(0, end)).split(FIELD);
  const shared = {
    type,
    timestamp: Number(timestamp),
    from: from === "" ? undefined : from,
    platforms: decodeList(platforms),
    except: decodeList(except),
  };
  if (Number.isNaN(shared.timestamp)) throw brokenOff();
  let count = 0;
  let body = "";
  for (let start = end + 1; start > 0; count++) {
    const bodyAt = afterField(line, start);
    const channel = afterField(line, bodyAt);
    const next = line.indexOf(ENTRY, channel) + 1;
    if (channel - bodyAt > 1) body = line.slice(bodyAt, channel - 1);
    if (body === "") throw brokenOff();
    deliver({
      id: line.slice(start, bodyAt - 1),
      type: shared.type,
      body,
      timestamp: shared.timestamp,
      from: shared.from,
      channel: line.slice(channel, next === 0 ? undefined : next - 1) as Channel, // the node that sent it has checked it
      platforms: shared.platforms,
      except: shared.except,
    });
    start = next;
  }
  return count;
}

/** Where the field behind the one at `start` begins. */
function afterField(line: string, start: number): number {
  const end = line.indexOf(FIELD, start);
  if (end === -1) throw brokenOff();
  return end + 1;
}

const brokenOff = (): TidingsError => new TidingsError("internal", "a node sent a message without its end");
