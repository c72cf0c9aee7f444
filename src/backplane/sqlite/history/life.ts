import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import type { DatabaseSync } from "node:sqlite";
import { Epochs } from "./epochs.ts";
import { Meta } from "./meta.ts";

const MINUTE_MS = 60_000;

/** Names the present run of the operating system. */
function bootOf(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    // The minute in which the system started.
    return `${Math.round((Date.now() - uptime() * 1_000) / MINUTE_MS)}`;
  }
}

/**
 * Notices that the operating system has ended while the file was open. It may have taken the last messages with it, which clients have
 * seen: the same offsets would then mean other messages. The end of the process alone loses nothing.
 */
export class Life {
  readonly #db: DatabaseSync;
  readonly #meta: Meta;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#meta = new Meta(db);
  }

  /**
   * Gives histories another epoch where some may have been lost, and a new file its first one.
   * @param sync `full`: each message is on the disk before anybody hears of it
   */
  begin(sync: "normal" | "full"): void {
    const boot = bootOf();
    const former = this.#meta.read("boot");
    const mayHaveLost = former !== undefined && former !== boot && this.#meta.read("sync") !== "full";
    this.#db.exec("BEGIN IMMEDIATE");
    const epochs = new Epochs(this.#meta);
    if (mayHaveLost) epochs.renewAll(this.#db);
    else if (epochs.base === "") epochs.renew();
    this.#meta.write("boot", boot);
    this.#meta.write("sync", sync);
    this.#db.exec("COMMIT");
  }

  /** The file is complete, whatever happens to the system now. To be called after the last change. */
  end(): void {
    this.#db.exec("DELETE FROM meta WHERE name = 'boot'");
  }
}
