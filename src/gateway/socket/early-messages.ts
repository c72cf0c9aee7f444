import { TidingsError } from "../../protocol/protocol.ts";

/** Limit of kept texts. */
const MAX_TEXTS = 64;

/** A read brings at most this many bytes after the session has paused its socket. */
const READ_BYTES = 65_536;

/**
 * Texts that came before the connection was admitted, in their order. They have a budget, because nobody knows yet who
 * sends them. At its end the session pauses its socket while a login is in flight; without a login it closes.
 */
export class EarlyMessages {
  readonly #maxBytes: number;
  #texts: string[] = [];
  #length = 0;
  /** Bytes that the socket has brought. */
  #received = 0;
  #wake: ((text: string | undefined) => void) | undefined;
  #ended = false;

  /** @param maxBytes budget of received bytes, and of kept characters */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws TidingsError `too_large` when compressed texts exceed the budget by more than one read can */
  push(text: string): void {
    // Before a login is woken: one that gets no text must go on waiting, so that the end of the socket ends it.
    if (text.length > this.#maxBytes || this.#length + text.length > this.#maxBytes + READ_BYTES)
      throw this.#tooLarge();
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake !== undefined) {
      wake(text);
      return;
    }
    this.#length += text.length;
    this.#texts.push(text);
  }

  /**
   * Counts the bytes of a read.
   * @throws TidingsError `too_large` when the budget is spent and no login has come
   */
  received(bytes: number): void {
    this.#received += bytes;
    if (this.#isSpent && this.isAwaited) throw this.#tooLarge();
  }

  /** True when the session must stop reading. */
  get isFull(): boolean {
    return this.#texts.length >= MAX_TEXTS || this.#length >= this.#maxBytes || this.#isSpent;
  }

  /** True while the login waits for the next text. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  /**
   * Resolves to the next text, or to undefined after {@link end}.
   * @throws TidingsError `too_large` when the budget is spent, because the socket is paused
   */
  async next(): Promise<string | undefined> {
    if (this.#texts.length > 0 || this.#ended) return this.#take();
    if (this.#isSpent) throw this.#tooLarge();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Takes all texts. */
  takeAll(): string[] {
    const texts = this.#texts;
    this.#texts = [];
    this.#length = 0;
    return texts;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.(undefined);
  }

  get #isSpent(): boolean {
    return this.#received > this.#maxBytes;
  }

  #take(): string | undefined {
    const text = this.#texts.shift();
    this.#length -= text?.length ?? 0;
    return text;
  }

  #tooLarge(): TidingsError {
    const message = `expected a login within the first ${this.#maxBytes} bytes`;
    return new TidingsError("too_large", message);
  }
}
