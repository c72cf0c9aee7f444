import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { vi } from "vitest";
import { newDirectory } from "./harness.ts";

/** A disk that a test fills, and makes room on again. */
export interface SmallDisk extends Disposable {
  readonly directory: string;
  fill(): void;
  free(): void;
}

/** A small file system in memory; for a user who may not mount one, a limit on the pages of the databases that are opened. */
export async function smallDisk(): Promise<SmallDisk> {
  const directory = await newDirectory();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", directory], { stdio: "pipe" });
  } catch {
    return limitedPages(directory);
  }
  return mounted(directory);
}

function mounted(directory: string): SmallDisk {
  const filler = join(directory, "filler");
  return {
    directory,
    fill() {
      const file = openSync(filler, "a");
      const block = Buffer.alloc(4_096, 1);
      try {
        for (;;) writeSync(file, block);
      } catch {
        // It is full.
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler),
    [Symbol.dispose]: () => void execFileSync("umount", [directory]),
  };
}

function limitedPages(directory: string): SmallDisk {
  const opened = vi.spyOn(DatabaseSync.prototype, "exec");
  const limit = (pages: number): void => {
    for (const db of new Set(opened.mock.contexts as DatabaseSync[])) {
      if (db.isOpen && db.location()?.endsWith("tidings.db") === true)
        db.exec(`PRAGMA max_page_count = ${pages}`);
    }
  };
  return {
    directory,
    fill: () => limit(1), // SQLite takes the present size instead
    free: () => limit(1_000_000),
    [Symbol.dispose]: () => opened.mockRestore(),
  };
}
