import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ADJUSTABLE, type Adjustable } from "../../port.ts";
import type { Writer } from "../writer.ts";

/** Settings that were changed while the node ran. */
export class SqliteSettings {
  readonly #writer: Writer;
  readonly #set: StatementSync;
  readonly #all: StatementSync;

  constructor(db: DatabaseSync, writer: Writer) {
    this.#writer = writer;
    this.#set = db.prepare("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)");
    this.#all = db.prepare("SELECT name, value FROM settings");
  }

  async keep(name: Adjustable, value: string): Promise<void> {
    await this.#writer.write(() => this.#set.run(name, value));
  }

  /** Tells the values that the file has. Another version may know other settings. */
  tell(restore: (name: Adjustable, value: string) => void): void {
    for (const row of this.#all.all()) {
      const name = ADJUSTABLE.find((known) => known === row.name);
      if (name !== undefined) restore(name, String(row.value));
    }
  }
}
