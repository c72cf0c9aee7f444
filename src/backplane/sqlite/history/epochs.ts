import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Meta } from "./meta.ts";

const newName = (): string => randomBytes(8).toString("base64url");

/**
 * Epochs: the names of histories. All channels of a file begin under one name, and each loss takes a new one. The names outlive the
 * process, so clients resume after a restart.
 */
export class Epochs {
  readonly #meta: Meta;
  #base: string;
  /** True once the name was renewed in this process: clients may hold a position under the former one. */
  wasRenewed = false;

  constructor(meta: Meta) {
    this.#meta = meta;
    this.#base = meta.read("epoch") ?? "";
  }

  /** Name for the history of a channel that the file does not know. */
  get base(): string {
    return this.#base;
  }

  /** Reads the names again, after a transaction was rolled back. */
  reload(): void {
    this.#base = this.#meta.read("epoch") ?? "";
  }

  /** Name for a history after a loss. To be called in a transaction. */
  next(): string {
    return newName();
  }

  /** Gives channels that the file does not know another name. To be called in a transaction. */
  renew(): void {
    this.#base = newName();
    this.#meta.write("epoch", this.#base);
    this.wasRenewed = true;
  }

  /**
   * Gives every history another name: what the file has may be less than what clients have seen. Cursors keep the former name, so
   * devices are told as well. To be called in a transaction.
   */
  renewAll(db: DatabaseSync): void {
    this.renew();
    db.prepare("UPDATE channels SET epoch = ?, lost_at = ?").run(this.#base, Date.now());
  }
}
