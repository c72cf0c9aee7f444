import { FIELD, isKind, type Kind, linesOf } from "../line.ts";
import type { TrafficCounts } from "./traffic.ts";

/** Gets the fields of a line, of which the first is its kind. */
export type Handler = (fields: string[]) => void;

/**
 * Gets a whole line, its kind included: what comes by the thousand is cut where it is needed, and not everywhere.
 * @returns how many messages the line held
 */
export type LineHandler = (line: string) => number;

/** What other nodes send, handed line by line to whoever handles its kind. */
export class Inbox {
  readonly #handlers = new Map<string, LineHandler>();
  readonly #traffic: TrafficCounts;
  readonly #report: (error: unknown) => void;

  constructor(traffic: TrafficCounts, report: (error: unknown) => void) {
    this.#traffic = traffic;
    this.#report = report;
  }

  /** Has a kind of lines handled. A handler that throws is reported, and keeps no other line from being handled. */
  on(kind: Kind, handler: Handler): void {
    this.onLine(kind, (line) => {
      handler(line.split(FIELD));
      return 1;
    });
  }

  /** The same with the line as it came. */
  onLine(kind: Kind, handler: LineHandler): void {
    this.#handlers.set(kind, handler);
  }

  receive(text: string): void {
    this.#traffic.bytes.in += text.length;
    try {
      const lines = linesOf(text);
      for (let start = 0; start < lines.length; ) start = this.#handleRow(lines, start);
    } catch (error) {
      this.#report(error);
    }
  }

  /**
   * Handles lines of one kind that come in a row: what is known of a kind is looked up once for all of them.
   * @returns where the next row begins
   */
  #handleRow(lines: readonly string[], start: number): number {
    const kind = kindOf(lines[start]);
    // A newer node may say what this one does not know yet.
    const handler = this.#handlers.get(kind);
    let end = start;
    let messages = 0;
    do {
      const line = lines[end++];
      if (line !== undefined) messages += this.#handle(line, handler);
    } while (end < lines.length && kindOf(lines[end]) === kind);
    if (isKind(kind)) this.#traffic.received(kind, messages);
    return end;
  }

  /** @returns how many messages the line held; 1 where that is not known */
  #handle(line: string, handler: LineHandler = () => 1): number {
    try {
      return handler(line);
    } catch (error) {
      this.#report(error);
      return 1;
    }
  }
}

/** Kinds are single characters. */
const kindOf = (line = ""): string => (line[1] === FIELD ? line.charAt(0) : line);
