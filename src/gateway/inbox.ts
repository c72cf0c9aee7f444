/** Texts that may wait. */
const MAX_TEXTS = 64;

/** Texts that came before somebody could take them. Bounded by its reader: it pauses the socket when this is full. */
export class Inbox {
  readonly #maxLength: number;
  #texts: string[] = [];
  #length = 0;
  #wake: ((text: string | undefined) => void) | undefined;
  #ended = false;

  /** @param maxLength characters that may wait */
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

  /** True while somebody waits for a text that has not come. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  /** The next text, or undefined when the socket is gone. */
  next(): Promise<string | undefined> {
    if (this.#texts.length > 0 || this.#ended) return Promise.resolve(this.#take());
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Everything that waits. */
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
