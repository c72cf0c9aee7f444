/** Texts that came before somebody could take them. Bounded by its reader: the socket is paused when it is full. */
export class Inbox {
  #texts: string[] = [];
  #wake: ((text: string | undefined) => void) | undefined;
  #ended = false;

  push(text: string): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake === undefined) this.#texts.push(text);
    else wake(text);
  }

  get length(): number {
    return this.#texts.length;
  }

  /** The next text, or undefined when the socket is gone. */
  next(): Promise<string | undefined> {
    if (this.#texts.length > 0 || this.#ended) return Promise.resolve(this.#texts.shift());
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Everything that waits. */
  takeAll(): string[] {
    const texts = this.#texts;
    this.#texts = [];
    return texts;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.(undefined);
  }
}
