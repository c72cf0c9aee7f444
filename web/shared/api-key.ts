import { type ReadonlySignal, signal } from "@preact/signals";

/** In the storage of this tab: a reload keeps the key, and the end of the tab forgets it. It never stands in an address. */
const NAME = "tidings-api-key";

/** The API key that the user has entered in this tab. */
export class ApiKey {
  readonly #value = signal(stored());

  get value(): ReadonlySignal<string | undefined> {
    return this.#value;
  }

  enter(key: string): void {
    this.#value.value = key;
    attempt(() => sessionStorage.setItem(NAME, key));
  }

  forget(): void {
    this.#value.value = undefined;
    attempt(() => sessionStorage.removeItem(NAME));
  }
}

const stored = (): string | undefined => attempt(() => sessionStorage.getItem(NAME)) ?? undefined;

/** A browser that refuses storage throws. Then the key lasts until the page is left. */
function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
