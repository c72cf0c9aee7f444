import { TidingsError } from "../../protocol/protocol.ts";

/**
 * What nodes send each other: a text of the version and lines, each of fields. Neither JSON text nor an id ever holds a
 * control character, so nothing needs escaping.
 */
export const VERSION = "1";
export const FIELD = "\x1f";
export const LINE = "\n";
/** Separates the messages of a line, as {@link FIELD} separates fields. */
export const ENTRY = "\x1e";

/** What a line is about; its first field. */
export type Kind = "M" | "T" | "S" | "U" | "O" | "I" | "A" | "C" | "R" | "P" | "L" | "Q" | "F" | "G";

/** What the kinds are called in metrics. */
export const KINDS: Record<Kind, string> = {
  M: "ephemeral",
  // Stored messages, and the line that gives them their offsets.
  T: "stored",
  S: "stored",
  // The same from a node that learns the offsets by itself, and sends them after the messages.
  U: "stored",
  O: "offsets",
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

/** A text of so many characters takes no more: what is larger would hold up others in Redis. */
export const LARGE_TEXT = 64 * 1_024;

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

export const encodeList = (list: readonly string[] | undefined): string =>
  list === undefined ? "" : JSON.stringify(list);

export const decodeList = (text: string | undefined): string[] | undefined =>
  text === undefined || text === "" ? undefined : (JSON.parse(text) as string[]); // written by encodeList
