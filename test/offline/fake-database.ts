import type { Database, DatabaseFactory, ObjectStore, Transaction } from "../../src/offline/browser.ts";

/** As much of IndexedDB as the outbox uses: transactions one after the other, copies of what is put, deletion. */
export class FakeDatabases implements DatabaseFactory {
  readonly #stores = new Map<string, Map<string, Map<unknown, unknown>>>();
  readonly #open = new Map<string, Set<Database>>();
  #order = 0;
  /** Fails the next writes, as a full quota does. One may remove. */
  isFull = false;
  /** The next transactions do not begin, as behind one of a tab that hangs. */
  isBlocked = false;
  /** The next databases do not open, until {@link answer}. */
  isHanging = false;
  #unanswered: (() => void)[] = [];

  open(name: string): ReturnType<DatabaseFactory["open"]> {
    const request = requestOf(this.#database(name));
    const opened = (): void => {
      if (!this.#stores.has(name)) {
        this.#stores.set(name, new Map());
        request.onupgradeneeded?.();
      }
      this.#open.set(name, (this.#open.get(name) ?? new Set()).add(request.result));
      request.onsuccess?.();
    };
    if (this.isHanging) this.#unanswered.push(opened);
    else setTimeout(opened);
    return request;
  }

  answer(): void {
    this.isHanging = false;
    for (const opened of this.#unanswered.splice(0)) opened();
  }

  /** The user clears the data of the site: the browser closes all databases. */
  clear(): void {
    this.#stores.clear();
    for (const database of [...this.#open.values()].flatMap((all) => [...all])) {
      database.close();
      database.onclose?.();
    }
    this.#open.clear();
  }

  deleteDatabase(name: string): ReturnType<DatabaseFactory["deleteDatabase"]> {
    const request = requestOf<unknown>(undefined);
    for (const database of this.#open.get(name) ?? []) database.onversionchange?.();
    this.#stores.delete(name);
    setTimeout(() => request.onsuccess?.());
    return request;
  }

  get names(): string[] {
    return [...this.#stores.keys()];
  }

  #database(name: string): Database {
    const stores = (): Map<string, Map<unknown, unknown>> => this.#stores.get(name) ?? new Map();
    let isClosed = false;
    return {
      createObjectStore: (store) => stores().set(store, new Map()),
      transaction: (store) => {
        if (isClosed || !stores().has(store)) throw new Error("InvalidStateError");
        return this.#transaction(stores().get(store) ?? new Map());
      },
      close: () => {
        isClosed = true;
      },
      onversionchange: null,
      onclose: null,
    };
  }

  #transaction(rows: Map<unknown, unknown>): Transaction {
    const writes: (() => void)[] = [];
    let isAborted = false;
    let hasPut = false;
    const transaction: Transaction = {
      error: this.isFull ? new Error("QuotaExceededError") : new Error("AbortError"),
      objectStore: () => store,
      abort: () => {
        isAborted = true;
        setTimeout(() => transaction.onabort?.());
      },
      oncomplete: null,
      onabort: null,
    };
    const read = <Result>(result: () => Result): ReturnType<typeof requestOf<Result>> => {
      const request = requestOf<Result>(undefined as Result);
      setTimeout(() => {
        if (this.isBlocked) return;
        Object.assign(request, { result: structuredClone(result()) });
        request.onsuccess?.();
        if (isAborted) return;
        if (this.isFull && hasPut) return transaction.onabort?.();
        for (const write of writes) write();
        transaction.oncomplete?.();
      });
      return request;
    };
    const store: ObjectStore = {
      get: (key) => read<unknown>(() => rows.get(key)),
      getAll: () =>
        read<unknown>(() =>
          [...rows].sort(([one], [other]) => Number(one) - Number(other)).map(([, row]) => row),
        ),
      put: (value, key) => {
        const row = structuredClone(value) as { order?: number };
        if (key === undefined) row.order ??= ++this.#order;
        hasPut = true;
        writes.push(() => rows.set(key ?? row.order, row));
      },
      delete: (key) => writes.push(() => rows.delete(key)),
    };
    return transaction;
  }
}

function requestOf<Result>(result: Result) {
  return {
    result,
    onsuccess: null as (() => void) | null,
    onerror: null as (() => void) | null,
    onupgradeneeded: null as (() => void) | null,
    onblocked: null as (() => void) | null,
  };
}
