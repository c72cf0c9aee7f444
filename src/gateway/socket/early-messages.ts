/** Limit of kept texts. */
const MAX_TEXTS = 64;

/**
 * Texts that came before the connection was admitted, in their order. The session pauses its socket while
 * {@link isFull}, so that a client cannot fill the memory.
 */
export class EarlyMessages {
  readonly #maxLength: number;
  #texts: string[] = [];
  #length = 0;
  #wake: ((text: string | undefined) => void) | undefined;
  #ended = false;

  /** @param maxLength limit of kept characters */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  push(text: string): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake !== undefined) {
      wake(text);
    } else {
      this.#texts.push(text);
      this.#length += text.length;
    }
  }

  get isFull(): boolean {
    return this.#texts.length >= MAX_TEXTS || this.#length >= this.#maxLength;
  }

  /** True while the login waits for the next text. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  /** Resolves to the next text, or to undefined after {@link end}. */
  next(): Promise<string | undefined> {
    if (this.#texts.length > 0 || this.#ended) return Promise.resolve(this.#take());
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

  #take(): string | undefined {
    const text = this.#texts.shift();
    this.#length -= text?.length ?? 0;
    return text;
  }
}
