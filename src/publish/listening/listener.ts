import type { HistoryPage, HistoryQuery, StoredMessage } from "../../backplane/backplane.ts";
import { isNotice, type Position, toTidingsError } from "../../protocol/protocol.ts";
import { type ReplayStart, readFrom, type StartFrom } from "./start.ts";

/** Start of a listener. `now`: at the first message that comes from now on. */
export type ListenFrom = StartFrom | "now";

/** A step of a listener: a message, or a position without one. */
export interface ListenEvent {
  /** Position behind this event: a later listener goes on there. */
  readonly position: Position;
  /** Absent in the first event, and where messages are passed over or lost. */
  readonly message?: StoredMessage;
  /** True: messages before the position are lost. */
  readonly lost: boolean;
}

/** Reads the history of the listener's channel. */
export type ReadHistory = (query: HistoryQuery) => Promise<HistoryPage>;

/** Live messages that a listener keeps while its reader is busy. Beyond them it reads the history again. */
const MAX_LIVE = { messages: 128, characters: 1_048_576 };

/** Errors of reads that are over when the backplane is available again. */
const WAITS_FOR: ReadonlySet<string> = new Set(["unavailable", "timeout"]);

/** Pause before the history is read again while the backplane is unavailable. */
const RETRY_MS = 1_000;

/**
 * Reader of one channel that is no connection. The history is the truth: whatever the listener is not sure of it reads
 * there. Live messages that follow without a gap spare it these reads. So nothing is lost or repeated between the two, and
 * a reader that is slow costs no memory.
 */
export class Listener {
  readonly #read: ReadHistory;
  readonly #isLastValue: boolean;
  /** Position behind the last event. Undefined until the start is known. */
  #position: Position | undefined;
  /** Messages after the position without a gap, oldest first. */
  #live: StoredMessage[] = [];
  #liveCharacters = 0;
  /** True when the history may have messages after the position that are not in `#live`. */
  #isBehind = true;
  #wake: (() => void) | undefined;

  /** @param isLastValue true for a channel that keeps its newest message only */
  constructor(read: ReadHistory, isLastValue: boolean) {
    this.#read = read;
    this.#isLastValue = isLastValue;
  }

  /** Takes a live message. */
  heard(message: StoredMessage): void {
    if (this.#position === undefined || this.#isBehind) return;
    const { epoch, offset, body } = message;
    if (epoch === this.#position.epoch && offset <= this.#known) return;
    const isNext = epoch === this.#position.epoch && offset === this.#known + 1;
    const hasRoom =
      this.#live.length < MAX_LIVE.messages && this.#liveCharacters + body.length <= MAX_LIVE.characters;
    if (isNext && hasRoom) {
      this.#live.push(message);
      this.#liveCharacters += body.length;
    } else this.#isBehind = true;
    this.#wake?.();
  }

  /** Compares with a position that the history has had: beyond what is known there is something to read. */
  check({ epoch, offset }: Position): void {
    if (this.#position === undefined) return;
    if (epoch !== this.#position.epoch || offset > this.#known) this.#isBehind = true;
    // Also when nothing is new: a read that waits for the backplane need not wait longer, as it has just answered.
    this.#wake?.();
  }

  /**
   * Yields where the stream begins, then every message. While the backplane is unavailable it waits.
   * @throws the reason of the signal; TidingsError `unavailable` when the start cannot be read
   */
  async *events(from: ListenFrom, signal: AbortSignal): AsyncGenerator<ListenEvent, never> {
    const { start, page } = await readFrom(this.#read, await this.#startOf(from), this.#isLastValue);
    this.#position = { epoch: start.epoch, offset: start.offset, id: idAt(start, from) };
    yield { position: this.#position, lost: !start.recovered };
    yield* this.#messagesOf(page, signal);
    for (;;) {
      signal.throwIfAborted();
      if (this.#isBehind) yield* this.#readOn(signal);
      else if (this.#live.length > 0) yield* this.#takeLive(signal);
      else await this.#woken(signal);
    }
  }

  /** Offset of the last message that is known: the listener waits for the next one. */
  get #known(): number {
    return Math.max(this.#live.at(-1)?.offset ?? 0, this.#position?.offset ?? 0);
  }

  async #startOf(from: ListenFrom): Promise<StartFrom> {
    if (from !== "now") return from;
    const { epoch, last: offset } = await this.#read({ limit: 0 });
    return { epoch, offset };
  }

  async *#readOn(signal: AbortSignal): AsyncGenerator<ListenEvent> {
    // Before the read: what comes meanwhile is heard, or makes it read once more.
    this.#isBehind = false;
    const { start, page } = await this.#pageAfter(this.#position ?? { epoch: "", offset: 0 }, signal);
    if (!start.recovered || start.missed === false) {
      this.#position = { epoch: start.epoch, offset: start.offset };
      this.#clearLive();
      yield { position: this.#position, lost: !start.recovered };
    }
    yield* this.#messagesOf(page, signal);
  }

  async *#messagesOf(page: HistoryPage, signal: AbortSignal): AsyncGenerator<ListenEvent> {
    for (const message of page.messages) yield this.#next(message, signal);
    if ((this.#position?.offset ?? 0) < page.last) this.#isBehind = true;
  }

  async *#takeLive(signal: AbortSignal): AsyncGenerator<ListenEvent> {
    for (let message = this.#live[0]; message !== undefined; message = this.#live[0]) {
      this.#live.shift();
      this.#liveCharacters -= message.body.length;
      // A read has brought it meanwhile.
      if (message.offset <= (this.#position?.offset ?? 0)) continue;
      yield this.#next(message, signal);
    }
  }

  #next(message: StoredMessage, signal: AbortSignal): ListenEvent {
    signal.throwIfAborted();
    const { epoch, offset, id } = message;
    const position = { epoch, offset, id };
    this.#position = position;
    return isForNobody(message) ? { position, lost: false } : { position, message, lost: false };
  }

  #clearLive(): void {
    this.#live = [];
    this.#liveCharacters = 0;
  }

  /** Reads the page after a position, again and again while the backplane is unavailable. */
  async #pageAfter(position: Position, signal: AbortSignal): Promise<ReplayStart> {
    for (;;) {
      try {
        return await readFrom(this.#read, position, this.#isLastValue);
      } catch (thrown) {
        signal.throwIfAborted();
        if (!WAITS_FOR.has(toTidingsError(thrown).code)) throw thrown;
        await this.#woken(signal, RETRY_MS);
      }
    }
  }

  /** Resolves when something has come, the time is over, or the signal is aborted. */
  async #woken(signal: AbortSignal, timeoutMs?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    const timer = timeoutMs === undefined ? undefined : setTimeout(wake, timeoutMs);
    await promise;
    this.#wake = undefined;
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
  }
}

/** Id of the message at the start, where the reader has named it and the history has it. */
const idAt = ({ offset, recovered }: ReplayStart["start"], from: ListenFrom): string | undefined =>
  typeof from === "object" && "epoch" in from && recovered && from.offset === offset ? from.id : undefined;

/** True for the notice of an edit that a later one has replaced, or whose data was deleted. */
const isForNobody = ({ platforms, change, type }: StoredMessage): boolean =>
  platforms?.length === 0 && (change === undefined || isNotice(type));
