/** Sets of strings by name; an empty set is removed. */
export class SetMap {
  readonly #sets = new Map<string, Set<string>>();

  add(name: string, value: string): void {
    const set = this.#sets.get(name);
    if (set === undefined) this.#sets.set(name, new Set([value]));
    else set.add(value);
  }

  delete(name: string, value: string): void {
    const set = this.#sets.get(name);
    if (set?.delete(value) && set.size === 0) this.#sets.delete(name);
  }

  has(name: string, value: string): boolean {
    return this.#sets.get(name)?.has(value) ?? false;
  }

  /** The values in the order in which they were added. */
  list(name: string): string[] {
    const set = this.#sets.get(name);
    return set === undefined ? [] : [...set];
  }
}
