import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "vite";

const ROOT = resolve(import.meta.dirname, "../..");
const DIST = join(ROOT, "dist");
const SOURCES = ["web/**/*.*", "src/client/**/*.ts", "src/protocol/*.ts", "vite.config.ts"];

/** Builds the page unless that has been done since its sources changed. */
export async function buildPage(): Promise<void> {
  const changes = globSync(SOURCES, { cwd: ROOT }).map((path) => statSync(join(ROOT, path)).mtimeMs);
  const built = statSync(join(DIST, "web/index.html"), { throwIfNoEntry: false });
  if (built !== undefined && built.mtimeMs > Math.max(...changes)) return;
  mkdirSync(DIST, { recursive: true });
  const fresh = mkdtempSync(join(DIST, "web-"));
  await build({ configFile: join(ROOT, "vite.config.ts"), logLevel: "warn", build: { outDir: fresh } });
  swap(fresh);
}

/** Another test file may be doing the same: dist/web is whole at any time, but for the moment between two renames. */
function swap(fresh: string): void {
  const old = mkdtempSync(join(DIST, "web-"));
  try {
    renameSync(join(DIST, "web"), join(old, "web"));
  } catch {
    // There was none, or the other test file has just taken it away.
  }
  try {
    renameSync(fresh, join(DIST, "web"));
  } catch {
    // The other's is there: it is made of the same sources.
  }
  for (const directory of [old, fresh]) rmSync(directory, { recursive: true, force: true });
}
