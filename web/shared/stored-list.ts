/** Values by key in the browser's storage, which all tabs share. Each has an entry of its own, so tabs that write at once lose nothing. */
export class StoredList<Value> {
  readonly #prefix: string;
  readonly #isValue: (value: unknown) => value is Value;
  readonly #changed: (value: Value | undefined) => void;

  /**
   * @param isValue tells a value from what an older version of the page may have written
   * @param changed called with the new value when another tab has set one, and without one when it has removed some
   */
  constructor(
    prefix: string,
    isValue: (value: unknown) => value is Value,
    changed: (value: Value | undefined) => void,
  ) {
    this.#prefix = prefix;
    this.#isValue = isValue;
    this.#changed = changed;
    addEventListener("storage", this.#heard);
  }

  /** In any order. */
  all(): Value[] {
    const names = Object.keys(storage() ?? {}).filter((name) => name.startsWith(this.#prefix));
    return names.map((name) => this.#read(storage()?.getItem(name))).filter((value) => value !== undefined);
  }

  find(key: string): Value | undefined {
    return this.#read(storage()?.getItem(this.#prefix + key));
  }

  /** @returns false when there is no storage, or no room in it; what was there before stays */
  set(key: string, value: Value): boolean {
    try {
      localStorage.setItem(this.#prefix + key, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }

  remove(key: string): void {
    storage()?.removeItem(this.#prefix + key);
  }

  close(): void {
    removeEventListener("storage", this.#heard);
  }

  readonly #heard = ({ key, newValue }: StorageEvent): void => {
    if (key === null || key.startsWith(this.#prefix)) this.#changed(this.#read(newValue));
  };

  #read(text: string | null | undefined): Value | undefined {
    try {
      const value: unknown = JSON.parse(text ?? "null");
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
