import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "vite";

const ROOT = resolve(import.meta.dirname, "../..");
const DIST = join(ROOT, "dist");
const SOURCES = [
  "web/**/*.*",
  "src/client/**/*.ts",
  "src/protocol/*.ts",
  "vite.config.ts",
  "scripts/precompress.ts",
];

/** Builds the pages unless the present build is newer than its sources. */
export async function buildPage(): Promise<void> {
  const changes = globSync(SOURCES, { cwd: ROOT }).map((path) => statSync(join(ROOT, path)).mtimeMs);
  const built = statSync(join(DIST, "web/dev/index.html"), { throwIfNoEntry: false });
  if (built !== undefined && built.mtimeMs > Math.max(...changes)) return;
  mkdirSync(DIST, { recursive: true });
  const fresh = mkdtempSync(join(DIST, "web-"));
  await build({ configFile: join(ROOT, "vite.config.ts"), logLevel: "warn", build: { outDir: fresh } });
  swap(fresh);
}

/** Replaces dist/web by two renames. Another test file may build at this time, so dist/web must always be complete. */
function swap(fresh: string): void {
  const old = mkdtempSync(join(DIST, "web-"));
  try {
    renameSync(join(DIST, "web"), join(old, "web"));
  } catch {
    // There is no dist/web, or the other test file just renamed it.
  }
  try {
    renameSync(fresh, join(DIST, "web"));
  } catch {
    // The other test file's build is in place, of equal sources.
  }
  for (const directory of [old, fresh]) rmSync(directory, { recursive: true, force: true });
}
