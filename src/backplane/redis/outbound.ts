import type { Kind } from "./line.ts";
import { textOf } from "./line.ts";
import type { TrafficCounts } from "./traffic.ts";

/** Lines in one text: enough to make the cost of a PUBLISH small, and few enough to be read between two other things. */
const LINES_PER_TEXT = 512;
/** Given to Redis and not confirmed: while it is slow or away, memory stays bounded and what is more is dropped. */
const MAX_UNCONFIRMED_CHARACTERS = 64 * 2 ** 20;

/** Lines to other nodes, collected during a tick: one PUBLISH for each destination. */
export class Outbound {
  readonly #publish: (token: string, text: string) => Promise<unknown>;
  readonly #traffic: TrafficCounts;
  #waiting = new Map<string, string[]>();
  #isScheduled = false;
  #unconfirmed = 0;

  /** @param publish must not be called by others for the same destination, or lines may change their order */
  constructor(publish: (token: string, text: string) => Promise<unknown>, traffic: TrafficCounts) {
    this.#publish = publish;
    this.#traffic = traffic;
  }

  /** Sends a line before the tick is over. At most once: it is dropped when Redis is away or takes nothing. */
  post(token: string, line: string): void {
    const lines = this.#waiting.get(token);
    if (lines === undefined) this.#waiting.set(token, [line]);
    else lines.push(line);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.flush);
  }

  /** Sends what is collected. */
  readonly flush = (): void => {
    this.#isScheduled = false;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [token, lines] of waiting) {
      for (let start = 0; start < lines.length; start += LINES_PER_TEXT) {
        this.#send(
          token,
          lines.length <= LINES_PER_TEXT ? lines : lines.slice(start, start + LINES_PER_TEXT),
        );
      }
    }
  };

  #send(token: string, lines: readonly string[]): void {
    if (this.#unconfirmed > MAX_UNCONFIRMED_CHARACTERS) {
      this.#traffic.dropped += lines.length;
      return;
    }
    const text = textOf(lines);
    this.#unconfirmed += text.length;
    this.#traffic.bytes.out += text.length;
    this.#count(lines);
    this.#publish(token, text).then(
      () => {
        this.#unconfirmed -= text.length;
      },
      () => {
        this.#unconfirmed -= text.length;
        this.#traffic.dropped += lines.length;
      },
    );
  }

  /** Lines of one kind come in a row, and counting each would cost as much as sending it. */
  #count(lines: readonly string[]): void {
    let start = 0;
    for (let index = 1; index <= lines.length; index++) {
      const kind = lines[start]?.[0];
      if (lines[index]?.[0] === kind) continue;
      this.#traffic.sent(kind as Kind, index - start); // made by lineOf
      start = index;
    }
  }
}
