/** Tabs by the name of what they have joined. */
export class Registry<Tab> {
  readonly #tabs = new Map<string, Set<Tab>>();
  /** Names that the server has answered for one of the tabs. */
  readonly #confirmed = new Set<string>();

  /** @returns the tabs; undefined when there have been none */
  of(name: string): Set<Tab> | undefined {
    return this.#tabs.get(name);
  }

  isConfirmed(name: string): boolean {
    return this.#confirmed.has(name);
  }

  add(name: string, tab: Tab): void {
    this.#tabs.set(name, (this.#tabs.get(name) ?? new Set()).add(tab));
  }

  confirm(name: string): void {
    if (this.#tabs.get(name)?.size) this.#confirmed.add(name);
  }

  /** @returns whether it was the last tab there */
  remove(name: string, tab: Tab): boolean {
    const tabs = this.#tabs.get(name);
    const isLast = Boolean(tabs?.delete(tab)) && tabs?.size === 0;
    if (isLast) this.#confirmed.delete(name);
    return isLast;
  }

  /** Removes a tab everywhere. */
  drop(tab: Tab): void {
    for (const name of this.#tabs.keys()) this.remove(name, tab);
  }

  /** Forgets the names without tabs. @returns these names */
  sweep(): string[] {
    const empty = [...this.#tabs].filter(([, tabs]) => tabs.size === 0).map(([name]) => name);
    for (const name of empty) this.#tabs.delete(name);
    return empty;
  }
}
