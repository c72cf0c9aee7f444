import type { DatabaseSync } from "node:sqlite";
import type { Appended, Idempotency, StoredReceipt } from "../../port.ts";
import type { Row } from "../file/file.ts";
import type { Writer } from "../writer.ts";

/** First publish under an idempotency key. */
export interface FirstPublish {
  /** Position of the message in its history; absent for an ephemeral message. */
  readonly place?: Pick<Appended, "id" | "timestamp" | "epoch" | "offset"> | undefined;
  /** Receipt of the publish, once that is known. */
  readonly receipt?: StoredReceipt | undefined;
}

/** Keys that one step removes. */
const EXPIRED = 256;

export class SqliteIdempotency implements Idempotency {
  readonly #writer: Writer;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #windowMs: number;
  readonly #now: () => number;

  constructor(db: DatabaseSync, writer: Writer, windowMs: number, now: () => number) {
    this.#writer = writer;
    this.#statements = prepare(db);
    this.#windowMs = windowMs;
    this.#now = now;
  }

  begin(key: string, receipt: StoredReceipt): Promise<StoredReceipt | undefined> {
    return this.#writer.write(() => {
      const first = this.find(key);
      if (first !== undefined) return first.receipt ?? receipt;
      this.keep(key, { receipt });
      return undefined;
    });
  }

  complete(key: string, receipt: StoredReceipt): Promise<void> {
    return this.#writer.write(() => void this.#statements.complete.run(receipt, key, this.#now()));
  }

  find(key: string): FirstPublish | undefined {
    const row = this.#statements.find.get(key, this.#now());
    return row === undefined ? undefined : firstOf(row);
  }

  /** Keeps a first publish, in place of an expired one. To be called in a transaction. */
  keep(key: string, { place, receipt }: FirstPublish): void {
    const expiresAt = this.#now() + this.#windowMs;
    const { id = null, timestamp = null, epoch = null, offset = null } = place ?? {};
    this.#statements.keep.run(key, id, timestamp, epoch, offset, receipt ?? null, expiresAt);
  }

  /** Removes some keys that have expired. To be called in a transaction. @returns false when more remain */
  expire(): boolean {
    return Number(this.#statements.expire.run(this.#now(), EXPIRED).changes) < EXPIRED;
  }
}

const prepare = (db: DatabaseSync) => ({
  find: db.prepare("SELECT id, timestamp, epoch, offset, receipt FROM keys WHERE key = ? AND expires_at > ?"),
  keep: db.prepare(
    "INSERT OR REPLACE INTO keys (key, id, timestamp, epoch, offset, receipt, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
  ),
  complete: db.prepare("UPDATE keys SET receipt = ? WHERE key = ? AND expires_at > ?"),
  expire: db.prepare("DELETE FROM keys WHERE key IN (SELECT key FROM keys WHERE expires_at <= ? LIMIT ?)"),
});

/** The columns are as the schema declares them. */
function firstOf(row: Row): FirstPublish {
  const receipt = (row.receipt as string | null) ?? undefined;
  if (row.offset === null) return { receipt };
  const place = {
    id: row.id as string,
    timestamp: row.timestamp as number,
    epoch: row.epoch as string,
    offset: row.offset as number,
  };
  return { place, receipt };
}
