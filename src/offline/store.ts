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

/** A clock that was set back by more than this says nothing of an age, in milliseconds. */
const MOST_AHEAD_MS = 60_000;

/**
 * Milliseconds for which the server surely knows the key of a message. 0 or less: it may have forgotten it.
 * @param since time of the first attempt, in milliseconds since 1970
 */
export function knownForMs(since: number, repeatWithinMs: number): number {
  const ageMs = Date.now() - since;
  // Timers take no longer time.
  return ageMs < -MOST_AHEAD_MS ? 0 : Math.min(repeatWithinMs - ageMs, 2 ** 31 - 1);
}

/** What a change does with the entries of the outbox, which stand in their order. */
export type Change<Result> = (
  entries: readonly Entry[],
  put: (entry: Entry) => void,
  remove: (entry: Entry) => void,
) => Result;

/** Version of the stores below. A new one is made from the old in `onupgradeneeded`. */
const SCHEMA = 1;

/** Some browsers never answer, as when another tab holds an older version open. Later transactions do not wait then. */
const OPEN_MS = 3_000;

/** Time after which a transaction is given up: a tab that hangs may hold it up. */
const TRANSACTION_MS = 10_000;

/** Failed messages that are kept: the newest. */
const MOST_FAILED = 100;

/** Failed messages that are not kept: an application that looks at no failures must not be stopped by them. */
export const oldFailures = (entries: readonly Entry[]): Entry[] =>
  entries.filter(({ error }) => error).slice(0, -MOST_FAILED);

/** Names of the stores. */
const OUTBOX = "outbox";
const RECORDS = "positions";

/** Keys in the store of records. */
const POSITIONS = "positions";
const REMOVED = "removed";

/** When messages were removed, in milliseconds since 1970, by their keys. */
type Removed = ReadonlyMap<string, number>;

/**
 * The outbox and the positions of one user in IndexedDB. Each method is one transaction, so that tabs cannot disturb each other.
 * The database is opened by the first one, and opened again after the browser has closed it. While it does not open, methods reject.
 */
export class Store {
  readonly #factory: DatabaseFactory;
  readonly #name: string;
  /** The database, or the attempt to open it. */
  #database: Promise<Database> | undefined;
  /** Rejects when that attempt has lasted too long. One that succeeds later is used from then on. */
  #deadline: Promise<never> | undefined;
  /** The database works. */
  isOpen = false;
  #isClosed = false;

  constructor(factory: DatabaseFactory, name: string) {
    this.#factory = factory;
    this.#name = name;
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

  /** Changes a message; undefined removes it. */
  update(key: string, change: (entry: Entry) => Entry | undefined): Promise<void> {
    return this.change((entries, put, remove) => {
      for (const entry of entries) {
        if (entry.key !== key) continue;
        const changed = change(entry);
        if (changed) put(changed);
        else remove(entry);
      }
    });
  }

  /**
   * Adds a message to the end of the outbox.
   * Rejects with `unavailable` when the outbox is full, or with the browser's error.
   */
  add(entry: Entry, limits: OutboxLimits): Promise<void> {
    return this.change((entries, put, remove) => {
      const waiting = entries.filter(({ error }) => !error);
      const bytes = waiting.reduce((sum, each) => sum + each.bytes, entry.bytes);
      for (const each of oldFailures(entries)) remove(each);
      if (waiting.length >= limits.messages || bytes > limits.bytes)
        throw new TidingsError(
          "unavailable",
          `outbox full: ${limits.messages} messages, ${limits.bytes} bytes`,
        );
      const same = entries.find(({ key }) => key === entry.key);
      // A failed message is sent again.
      if (!same || same.error) put({ ...same, error: undefined, triedAt: undefined, ...entry });
    });
  }

  /**
   * Removes a message, and notes its key: a tab that is frozen now may wait for it.
   * @param noteMs time for which the note is kept, in milliseconds
   */
  async remove(key: string, noteMs: number): Promise<void> {
    const noted = this.#record(REMOVED, (removed: Removed = new Map(), put) => {
      const kept = [...removed].filter(([, at]) => knownForMs(at, noteMs) > 0);
      put(new Map([...kept, [key, Date.now()]]));
    });
    // Where there is no room for a note, to remove the message makes some.
    await noted.catch(() => {});
    await this.update(key, () => undefined);
  }

  /** Reads which messages were removed lately. */
  removed(): Promise<Removed> {
    return this.#record(REMOVED, (removed: Removed = new Map()) => removed);
  }

  /** Reads the positions. From now on only this host writes them: one that was frozen would write older ones. */
  claim(host: string): Promise<SavedPositions> {
    return this.#record(POSITIONS, (saved: SavedPositions = {}, put) => {
      put({ ...saved, host });
      return saved;
    });
  }

  save(host: string, positions: SavedPositions): Promise<void> {
    return this.#record(POSITIONS, (saved: SavedPositions = {}, put) => {
      if (saved.host === host) put({ ...positions, host });
    });
  }

  /** Removes everything. */
  async clear(): Promise<void> {
    await this.change((entries, _put, remove) => entries.forEach(remove));
    for (const name of [POSITIONS, REMOVED]) await this.#record(name, (_kept, put) => put(undefined));
  }

  /** Closes the database for good, after the transactions that have begun. */
  close(): void {
    const database = this.#database;
    if (database)
      void this.#open()
        .finally(async () => (await database).close())
        .catch(() => {});
    this.#isClosed = true;
  }

  /** Rejects while the database does not open. */
  #open(): Promise<Database> {
    if (this.#isClosed) return Promise.reject(notOpen());
    if (!this.#database) {
      const forget = (): void => {
        if (this.#database !== database) return;
        this.#database = undefined;
        this.isOpen = false;
      };
      const database = openDatabase(this.#factory, this.#name, forget);
      this.#database = database;
      this.#deadline = new Promise((_resolve, reject) => {
        const timer = setTimeout(() => reject(notOpen()), OPEN_MS);
        database
          .then(() => {
            this.isOpen = true;
          }, forget)
          .finally(() => clearTimeout(timer));
      });
      this.#deadline.catch(() => {});
    }
    return Promise.race([this.#database, this.#deadline as Promise<never>]); // they are set together
  }

  #record<Kept, Result>(
    name: string,
    use: (kept: Kept | undefined, put: (kept: Kept | undefined) => void) => Result,
  ): Promise<Result> {
    return this.#transact(
      RECORDS,
      (store) => store.get(name),
      // Nothing else is put there.
      (kept, store) => use(kept as Kept | undefined, (next) => store.put(next, name)),
    );
  }

  async #transact<Result>(
    name: string,
    read: (store: ObjectStore) => ReturnType<ObjectStore["get"]>,
    use: (found: unknown, store: ObjectStore) => Result,
  ): Promise<Result> {
    const database = await this.#open();
    return await new Promise((resolve, reject) => {
      // Throws when the database is closed: the promise rejects.
      const transaction = database.transaction(name, "readwrite");
      const store = transaction.objectStore(name);
      const request = read(store);
      const timer = setTimeout(() => transaction.abort(), TRANSACTION_MS);
      request.onsuccess = () => {
        clearTimeout(timer);
        try {
          const result = use(request.result, store);
          transaction.oncomplete = () => resolve(result);
        } catch (error) {
          reject(error);
          transaction.abort();
        }
      };
      transaction.onabort = () => {
        clearTimeout(timer);
        reject(transaction.error ?? notOpen());
      };
    });
  }
}

const notOpen = (): Error => new Error("not open");

/** @param ended called when the database is closed from outside */
function openDatabase(factory: DatabaseFactory, name: string, ended: () => void): Promise<Database> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, SCHEMA);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(OUTBOX, { keyPath: "order", autoIncrement: true });
      request.result.createObjectStore(RECORDS);
    };
    request.onsuccess = () => {
      const { result: database } = request;
      // Another tab wants to delete the database, or brings a newer schema.
      database.onversionchange = () => {
        database.close();
        ended();
      };
      // The user has cleared the data of the site.
      database.onclose = ended;
      resolve(database);
    };
    request.onerror = () => reject(notOpen());
  });
}
