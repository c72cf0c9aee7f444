import { FIELD, isKind, type Kind, linesOf } from "../wire/lines.ts";
import type { TrafficCounts } from "./traffic.ts";

/** Handles the fields of a line; the first field is the kind. */
export type Handler = (fields: string[]) => void;

/**
 * Handles a whole line, its kind included: splitting lines that come by the thousand would cost too much.
 * @returns how many messages the line held
 */
export type LineHandler = (line: string) => number;

/** Lines from other nodes: hands each to the handler of its kind. */
export class Inbound {
  readonly #handlers = new Map<string, LineHandler>();
  readonly #traffic: TrafficCounts;
  readonly #onError: (error: unknown) => void;

  constructor(traffic: TrafficCounts, onError: (error: unknown) => void) {
    this.#traffic = traffic;
    this.#onError = onError;
  }

  /** Registers the handler of a kind of lines. An error of the handler is reported, and the next line is handled. */
  on(kind: Kind, handler: Handler): void {
    this.onLine(kind, (line) => {
      handler(line.split(FIELD));
      return 1;
    });
  }

  /** Registers a handler that gets each line whole. */
  onLine(kind: Kind, handler: LineHandler): void {
    this.#handlers.set(kind, handler);
  }

  receive(payload: string): void {
    this.#traffic.bytes.in += payload.length;
    try {
      const lines = linesOf(payload);
      for (let start = 0; start < lines.length; ) start = this.#handleRow(lines, start);
    } catch (error) {
      this.#onError(error);
    }
  }

  /**
   * Handles a row of lines of one kind, so that its handler is looked up once.
   * @returns where the next row begins
   */
  #handleRow(lines: readonly string[], start: number): number {
    const kind = kindOf(lines[start]);
    // A node of a newer version may send a kind that this version does not know.
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

  /** @returns how many messages the line held; 1 where that is unknown */
  #handle(line: string, handler: LineHandler = () => 1): number {
    try {
      return handler(line);
    } catch (error) {
      this.#onError(error);
      return 1;
    }
  }
}

/** Kinds are single characters. */
const kindOf = (line = ""): string => (line[1] === FIELD ? line.charAt(0) : line);
