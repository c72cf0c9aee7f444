import { FIELD, isKind, type Kind, linesOf } from "./line.ts";
import type { TrafficCounts } from "./traffic.ts";

/** Gets the fields of a line, of which the first is its kind. */
export type Handler = (fields: string[]) => void;

/** Gets a whole line, its kind included: what comes by the thousand is cut where it is needed, and not everywhere. */
export type LineHandler = (line: string) => void;

/** What other nodes send, handed line by line to whoever handles its kind. */
export class Inbox {
  readonly #handlers = new Map<Kind, LineHandler>();
  readonly #traffic: TrafficCounts;
  readonly #report: (error: unknown) => void;

  constructor(traffic: TrafficCounts, report: (error: unknown) => void) {
    this.#traffic = traffic;
    this.#report = report;
  }

  /** Has a kind of lines handled. A handler that throws is reported, and keeps no other line from being handled. */
  on(kind: Kind, handler: Handler): void {
    this.onLine(kind, (line) => handler(line.split(FIELD)));
  }

  /** The same with the line as it came. */
  onLine(kind: Kind, handler: LineHandler): void {
    this.#handlers.set(kind, handler);
  }

  receive(text: string): void {
    this.#traffic.bytes.in += text.length;
    try {
      for (const line of linesOf(text)) this.#handle(line);
    } catch (error) {
      this.#report(error);
    }
  }

  #handle(line: string): void {
    const kind = kindOf(line);
    // A newer node may say what this one does not know yet.
    if (!isKind(kind)) return;
    this.#traffic.received(kind);
    try {
      this.#handlers.get(kind)?.(line);
    } catch (error) {
      this.#report(error);
    }
  }
}

function kindOf(line: string): string {
  const end = line.indexOf(FIELD);
  return end === -1 ? line : line.slice(0, end);
}
