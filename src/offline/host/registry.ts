/** Tabs by the name of what they have joined. */
export class Registry<Tab> {
  readonly #tabs = new Map<string, Set<Tab>>();

  /** @returns the tabs; undefined when there have been none */
  of(name: string): Set<Tab> | undefined {
    return this.#tabs.get(name);
  }

  add(name: string, tab: Tab): void {
    this.#tabs.set(name, (this.#tabs.get(name) ?? new Set()).add(tab));
  }

  /** @returns whether it was the last tab there */
  remove(name: string, tab: Tab): boolean {
    return Boolean(this.#tabs.get(name)?.delete(tab)) && this.#tabs.get(name)?.size === 0;
  }

  /** Removes a tab everywhere. */
  drop(tab: Tab): void {
    for (const tabs of this.#tabs.values()) tabs.delete(tab);
  }

  /** Forgets the names without tabs. @returns these names */
  sweep(): string[] {
    const empty = [...this.#tabs].filter(([, tabs]) => tabs.size === 0).map(([name]) => name);
    for (const name of empty) this.#tabs.delete(name);
    return empty;
  }
}
