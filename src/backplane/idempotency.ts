/**
 * Idempotency keys of ephemeral messages, and the receipts of all keys. A stored message begins its key within
 * {@link Broker.append}, because the key and the offset must be decided in one step.
 */
export interface Idempotency {
  /**
   * Enters a key. `receipt` answers duplicates until the key is completed.
   * @returns undefined for the first publish under this key within the window. For a duplicate: the receipt of the
   * first, or the given receipt while the first has none
   */
  begin(key: string, receipt: StoredReceipt): Promise<StoredReceipt | undefined>;
  /** Keeps the receipt that answers duplicates from here on; the last call wins. An unknown key stays unknown. */
  complete(key: string, receipt: StoredReceipt): Promise<void>;
}

/** Receipt of a first publish, as the backplane keeps it for duplicates: opaque JSON text. */
export type StoredReceipt = string;
