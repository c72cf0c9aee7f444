/** Values by key in the browser's storage, which all tabs share. Each has an entry of its own, so tabs that write at once lose nothing. */
export class StoredList<Value> {
  readonly #prefix: string;
  readonly #isValue: (value: unknown) => value is Value;
  readonly #changed: () => void;
  /** Values that the browser did not take. */
  readonly #unstored = new Map<string, Value>();

  /**
   * @param isValue tells a value from what an older version of the page may have written
   * @param changed called when another tab has changed something
   */
  constructor(prefix: string, isValue: (value: unknown) => value is Value, changed: () => void) {
    this.#prefix = prefix;
    this.#isValue = isValue;
    this.#changed = changed;
    addEventListener("storage", this.#heard);
  }

  all(): Value[] {
    const keys = Object.keys(storage() ?? {}).filter((key) => key.startsWith(this.#prefix));
    const stored = keys.map((key) => this.#read(key)).filter((value) => value !== undefined);
    return [...stored, ...this.#unstored.values()];
  }

  set(key: string, value: Value): void {
    try {
      localStorage.setItem(this.#prefix + key, JSON.stringify(value));
      this.#unstored.delete(key);
    } catch {
      // No storage, or no room in it: the value stays in this tab.
      storage()?.removeItem(this.#prefix + key);
      this.#unstored.set(key, value);
    }
  }

  remove(key: string): void {
    storage()?.removeItem(this.#prefix + key);
    this.#unstored.delete(key);
  }

  close(): void {
    removeEventListener("storage", this.#heard);
  }

  readonly #heard = ({ key }: StorageEvent): void => {
    if (key === null || key.startsWith(this.#prefix)) this.#changed();
  };

  #read(key: string): Value | undefined {
    try {
      const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
      return this.#isValue(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }
}

/** A browser may refuse its storage, for example in a private window. */
function storage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
