import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Facts about the file, by name. */
export class Meta {
  readonly #read: StatementSync;
  readonly #write: StatementSync;

  constructor(db: DatabaseSync) {
    this.#read = db.prepare("SELECT value FROM meta WHERE name = ?");
    this.#write = db.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)");
  }

  read(name: string): string | undefined {
    const value = this.#read.get(name)?.value;
    return value === undefined ? undefined : String(value);
  }

  write(name: string, value: string): void {
    this.#write.run(name, value);
  }
}
