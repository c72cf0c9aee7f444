/**
 * Epochs: the names of histories. A new history takes the current epoch, and each loss makes a new epoch, so that a
 * channel never takes an epoch again under which it has lost messages. Many channels share one name, which saves
 * memory.
 */
export class Epochs {
  /** Random, so that each run of the process has other epochs. */
  readonly #base = crypto
    .getRandomValues(new Uint32Array(2))
    .reduce((name, part) => name + part.toString(36), "");
  #losses = 0;
  #current = `${this.#base}.0`;

  get current(): string {
    return this.#current;
  }

  /** Makes a new current epoch, because a history was lost. */
  renew(): string {
    this.#losses++;
    this.#current = `${this.#base}.${this.#losses.toString(36)}`;
    return this.#current;
  }
}
