import { type Channel, TidingsError } from "../../protocol/protocol.ts";
import type { Message } from "../message.ts";

/**
 * What nodes send each other: a text of the version and lines, each of fields. Neither JSON text nor an id ever holds a
 * control character, so nothing needs escaping.
 */
export const VERSION = "1";
export const FIELD = "\x1f";
export const LINE = "\n";

/** What a line is about; its first field. */
export type Kind = "M" | "S" | "I" | "A" | "C" | "R" | "P" | "L" | "Q" | "F" | "G";

/** What the kinds are called in metrics. */
export const KINDS: Record<Kind, string> = {
  M: "ephemeral",
  S: "stored",
  I: "invalidate",
  A: "ack",
  C: "command",
  R: "reply",
  P: "presence",
  L: "lost",
  Q: "probe",
  F: "settle",
  G: "settled",
};

export const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text);

export const lineOf = (kind: Kind, ...fields: readonly string[]): string => [kind, ...fields].join(FIELD);

export const textOf = (lines: readonly string[]): string => VERSION + LINE + lines.join(LINE);

/**
 * Nodes of two neighbouring versions work together: a new version adds kinds, which the older one passes over, or fields at the
 * end of a line, which it does not look at.
 * @throws TidingsError `internal` for a text of any other version
 */
export function linesOf(text: string): string[] {
  const lines = text.split(LINE);
  const version = lines.shift();
  if (Math.abs(Number(version) - Number(VERSION)) <= 1) return lines;
  throw new TidingsError("internal", `a node sent version ${version?.slice(0, 8)}, expected ${VERSION}`);
}

/** The line of an ephemeral message. */
export function encodeMessage(message: Message): string {
  const { id, type, body, timestamp, from = "", channel, platforms, except } = message;
  const line =
    MESSAGE + id + FIELD + type + FIELD + body + FIELD + timestamp + FIELD + from + FIELD + channel;
  if (platforms === undefined && except === undefined) return line;
  return line + FIELD + encodeList(platforms) + FIELD + encodeList(except);
}

/**
 * The message of a line. Its fields are found one by one: an array of them would cost as much as the message itself.
 * @throws TidingsError `internal` when there are too few
 */
export function decodeMessage(line: string): Message {
  const type = afterField(line, MESSAGE.length);
  const body = afterField(line, type);
  const timestamp = afterField(line, body);
  const from = afterField(line, timestamp);
  const channel = afterField(line, from);
  const end = line.indexOf(FIELD, channel);
  const [, platforms, except] = end === -1 ? NO_FILTERS : line.slice(end).split(FIELD);
  return {
    id: line.slice(MESSAGE.length, type - 1),
    type: line.slice(type, body - 1),
    body: line.slice(body, timestamp - 1),
    timestamp: Number(line.slice(timestamp, from - 1)),
    from: channel === from + 1 ? undefined : line.slice(from, channel - 1),
    channel: line.slice(channel, end === -1 ? undefined : end) as Channel, // the node that sent it has checked it
    platforms: decodeList(platforms),
    except: decodeList(except),
  };
}

const MESSAGE = lineOf("M", "");
const NO_FILTERS: readonly (string | undefined)[] = [];

/** Where the field behind the one at `start` begins. */
function afterField(line: string, start: number): number {
  const end = line.indexOf(FIELD, start);
  if (end === -1) throw new TidingsError("internal", "a node sent a message without its end");
  return end + 1;
}

export const encodeList = (list: readonly string[] | undefined): string =>
  list === undefined ? "" : JSON.stringify(list);

export const decodeList = (text: string | undefined): string[] | undefined =>
  text === undefined || text === "" ? undefined : (JSON.parse(text) as string[]); // written by encodeList
