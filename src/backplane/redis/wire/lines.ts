import { TidingsError } from "../../../protocol/protocol.ts";

/**
 * Format of what nodes send each other: a payload is a version and lines, a line is fields. Neither JSON nor ids
 * contain control characters, so nothing is escaped.
 */
export const VERSION = "1";
/** Separates the fields of a line. */
export const FIELD = "\x1f";
/** Separates the messages of a line. */
export const ENTRY = "\x1e";
/** Separates the lines of a payload. */
export const NEWLINE = "\n";

/** Kinds of lines: the first field of each. */
export const LINE = {
  /** Ephemeral messages. */
  ephemeral: "M",
  /** Stored messages. Their offsets come from the same script, in the next line `lengths`. */
  stored: "T",
  /** Lengths of the lists after the appends of the line `stored` before. They give the offsets. */
  lengths: "S",
  /** Stored messages. Their sender learns the offsets from Redis and sends them later, in a line `offsets`. */
  awaiting: "U",
  /** Lengths of the lists after the appends of a line `awaiting`, by the name of its payload. */
  offsets: "O",
  /** The nodes of a channel have changed: drop its route from the cache. */
  invalidate: "I",
  ack: "A",
  command: "C",
  reply: "R",
  presence: "P",
  /** A history was lost, or continues under another epoch. */
  lost: "L",
  /** A partition has new data, of this birth. */
  birth: "B",
  /** Asks a node to report which of its connections take a message. */
  tally: "D",
  tallied: "E",
  probe: "Q",
  /** Asks a node to confirm the invalidations that were sent before. */
  confirm: "F",
  confirmed: "G",
  /** Asks a node that did not answer a request for a sign of life. */
  hail: "H",
  /** A node can be heard: the answer to a hail, and the end of a recovery. */
  alive: "J",
  /** Another node has the id of this one. */
  namesake: "N",
  /** A change of the users who have joined a group. */
  room: "K",
  /** A setting was changed while the nodes run. */
  adjust: "V",
  /** A question to a node, and its answer. */
  question: "W",
  answer: "X",
} as const;

export type Kind = (typeof LINE)[keyof typeof LINE];

/** Names of the kinds in metrics. */
export const KINDS: Record<Kind, string> = {
  [LINE.ephemeral]: "ephemeral",
  [LINE.stored]: "stored",
  [LINE.lengths]: "stored",
  [LINE.awaiting]: "stored",
  [LINE.offsets]: "offsets",
  [LINE.invalidate]: "invalidate",
  [LINE.ack]: "ack",
  [LINE.command]: "command",
  [LINE.reply]: "reply",
  [LINE.presence]: "presence",
  [LINE.lost]: "lost",
  [LINE.birth]: "birth",
  [LINE.tally]: "tally",
  [LINE.tallied]: "tallied",
  [LINE.probe]: "probe",
  [LINE.confirm]: "confirm",
  [LINE.confirmed]: "confirmed",
  [LINE.hail]: "hail",
  [LINE.alive]: "alive",
  [LINE.namesake]: "namesake",
  [LINE.room]: "room",
  [LINE.adjust]: "adjust",
  [LINE.question]: "question",
  [LINE.answer]: "answer",
};

/** Characters from which on a payload takes no more lines: a larger one would hold up other commands in Redis. */
export const LARGE_PAYLOAD = 64 * 1_024;

export const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text);

export const lineOf = (kind: Kind, ...fields: readonly string[]): string => [kind, ...fields].join(FIELD);

export const payloadOf = (lines: readonly string[]): string => VERSION + NEWLINE + lines.join(NEWLINE);

/**
 * Lines of a payload. Nodes of two neighbouring versions work together: a new version adds kinds of lines, which the
 * older one skips, or fields at the end of a line, which it does not read.
 * @throws TidingsError `internal` for any other version
 */
export function linesOf(payload: string): string[] {
  const lines = payload.split(NEWLINE);
  const version = lines.shift();
  if (Math.abs(Number(version) - Number(VERSION)) <= 1) return lines;
  throw new TidingsError("internal", `a node sent version ${version?.slice(0, 8)}, expected ${VERSION}`);
}

export const encodeList = (list: readonly string[] | undefined): string =>
  list === undefined ? "" : JSON.stringify(list);

export const decodeList = (text: string | undefined): string[] | undefined =>
  text === undefined || text === "" ? undefined : (JSON.parse(text) as string[]); // written by encodeList
