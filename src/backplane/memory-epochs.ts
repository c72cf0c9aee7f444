/**
 * Names for histories. A ring takes the current one; after a loss there is a new one, so that a channel never has
 * an epoch again under which it has lost something. The name is shared by many channels, which saves memory.
 */
export class Epochs {
  /** Random, so that another run of the process has other epochs. */
  readonly #base = crypto
    .getRandomValues(new Uint32Array(2))
    .reduce((name, part) => name + part.toString(36), "");
  #losses = 0;
  #current = `${this.#base}.0`;

  get current(): string {
    return this.#current;
  }

  /** To be called when a history is lost. @returns the new current one */
  renew(): string {
    this.#losses++;
    this.#current = `${this.#base}.${this.#losses.toString(36)}`;
    return this.#current;
  }
}
