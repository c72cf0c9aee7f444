import { TidingsError } from "../client/client.ts";
import type { Positions } from "../protocol/protocol.ts";
import type { Database, DatabaseFactory, ObjectStore } from "./browser.ts";
import type { Failure } from "./bus.ts";

/** A stored message that has no receipt yet. */
export interface Entry {
  /** Messages are sent in this order, which is that of all tabs. */
  readonly order?: number;
  readonly key: string;
  readonly message: object;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly bytes: number;
  /** When it was first given to a connection, in milliseconds since 1970. Since then the server may have it. */
  readonly triedAt?: number | undefined;
  /** Why it is not sent any more. */
  readonly error?: Failure | undefined;
}

/** Limits of an outbox. */
export interface OutboxLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** Positions as the SDK saves them, and the host that wrote them last. */
export interface SavedPositions {
  readonly user?: string;
  readonly positions?: Positions;
  readonly host?: string;
}

/** What a change does with the entries of the outbox, which stand in their order. */
export type Change<Result> = (
  entries: readonly Entry[],
  put: (entry: Entry) => void,
  remove: (entry: Entry) => void,
) => Result;

/** Version of the stores below. A new one is made from the old in `onupgradeneeded`. */
const SCHEMA = 1;

/** Some browsers never answer, as when another tab holds an older version open. */
const OPEN_MS = 3_000;

/** Failed messages that are kept: the newest. */
const MOST_FAILED = 100;

const OUTBOX = "outbox";
const POSITIONS = "positions";

/** The outbox and the positions of one user in IndexedDB. Each method is one transaction, so that tabs cannot disturb each other. */
export class Store {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
    // Another tab wants to delete the database, or brings a newer schema.
    database.onversionchange = () => database.close();
  }

  /** @returns undefined where a page may keep nothing, or the database does not open in time */
  static open(factory: DatabaseFactory | undefined, name: string): Promise<Store | undefined> {
    return new Promise((resolve) => {
      const giveUp = (): void => resolve(undefined);
      const timer = setTimeout(giveUp, OPEN_MS);
      try {
        if (!factory) throw new TypeError("no IndexedDB");
        const request = factory.open(name, SCHEMA);
        request.onupgradeneeded = () => {
          request.result.createObjectStore(OUTBOX, { keyPath: "order", autoIncrement: true });
          request.result.createObjectStore(POSITIONS);
        };
        request.onsuccess = () => {
          clearTimeout(timer);
          resolve(new Store(request.result));
        };
        request.onerror = request.onblocked = giveUp;
      } catch {
        giveUp();
      }
    });
  }

  /** Deletes a user's database. Other tabs close theirs first. */
  static delete(factory: DatabaseFactory, name: string): Promise<void> {
    return new Promise((resolve) => {
      const request = factory.deleteDatabase(name);
      // A frozen tab may block it. What was kept is cleared by then.
      request.onsuccess = request.onerror = request.onblocked = () => resolve();
    });
  }

  /** Reads the outbox and changes it. Rejects with what the change throws; nothing is changed then. */
  async change<Result>(change: Change<Result>): Promise<Result> {
    return await this.#transact(
      OUTBOX,
      (store) => store.getAll(),
      (all, store) =>
        change(
          all as Entry[], // nothing else is put there
          (entry) => store.put(entry),
          ({ order = 0 }) => store.delete(order),
        ),
    );
  }

  /**
   * Adds a message to the end of the outbox.
   * Rejects with `unavailable` when the outbox is full, or with the browser's error.
   */
  add(entry: Entry, limits: OutboxLimits): Promise<void> {
    return this.change((entries, put, remove) => {
      const waiting = entries.filter(({ error }) => !error);
      const bytes = waiting.reduce((sum, each) => sum + each.bytes, entry.bytes);
      // An application that looks at no failures must not be stopped by them.
      for (const each of entries.filter(({ error }) => error).slice(0, -MOST_FAILED)) remove(each);
      if (waiting.length >= limits.messages || bytes > limits.bytes)
        throw new TidingsError(
          "unavailable",
          `outbox full: it holds ${limits.messages} messages and ${limits.bytes} bytes at most`,
        );
      if (!entries.some(({ key }) => key === entry.key)) put(entry);
    });
  }

  /** Reads the positions. From now on only this host writes them: one that was frozen would write older ones. */
  claim(host: string): Promise<SavedPositions> {
    return this.#positions((saved, put) => {
      put({ ...saved, host });
      return saved;
    });
  }

  save(host: string, positions: SavedPositions): Promise<void> {
    return this.#positions((saved, put) => {
      if (saved.host === host) put({ ...positions, host });
    });
  }

  /** Removes everything. */
  async clear(): Promise<void> {
    await this.change((entries, _put, remove) => entries.forEach(remove));
    await this.#positions((_saved, put) => put({}));
  }

  close(): void {
    this.#database.close();
  }

  #positions<Result>(
    use: (saved: SavedPositions, put: (saved: SavedPositions) => void) => Result,
  ): Promise<Result> {
    return this.#transact(
      POSITIONS,
      (store) => store.get(POSITIONS),
      // Nothing else is put there.
      (saved, store) => use((saved ?? {}) as SavedPositions, (next) => store.put(next, POSITIONS)),
    );
  }

  #transact<Result>(
    name: string,
    read: (store: ObjectStore) => ReturnType<ObjectStore["get"]>,
    use: (found: unknown, store: ObjectStore) => Result,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      // Throws when the database is closed: the promise rejects.
      const transaction = this.#database.transaction(name, "readwrite");
      const store = transaction.objectStore(name);
      const request = read(store);
      request.onsuccess = () => {
        try {
          const result = use(request.result, store);
          transaction.oncomplete = () => resolve(result);
        } catch (error) {
          reject(error);
          transaction.abort();
        }
      };
      transaction.onabort = () => reject(transaction.error);
    });
  }
}
