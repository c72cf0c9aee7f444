import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { REPOSITORY } from "../support/repository.ts";

/** Runs a program to its end. Rejects when that is not a good one. */
export const run = promisify(execFile);

/** Neither part of the package nor needed to build it. */
const LEFT_OUT = new Set([".git", "node_modules", "dist", "coverage", "test", "bench", "site"]);

let building: Promise<string> | undefined;

/**
 * The package as it is built from the present sources, in a directory of its own: a test must neither run what was
 * built from older ones, nor have `dist/` change under other tests. Test files with the same sources share it.
 * @returns the directory; programs in it find the package under its name
 */
export function builtPackage(): Promise<string> {
  building ??= build(); // once for a test file: to compare the sources takes their copy
  return building;
}

async function build(): Promise<string> {
  const copy = copyOfSources();
  const built = join(tmpdir(), `tidings-built-${hashOf(copy)}`);
  if (!existsSync(built)) {
    symlinkSync(join(REPOSITORY, "node_modules"), join(copy, "node_modules"));
    await run("npm", ["run", "build"], { cwd: copy });
    // Whole or not at all; another test file may have been faster.
    if (!existsSync(built)) renameSync(copy, built);
    removeFormerBuilds();
  }
  rmSync(copy, { recursive: true, force: true });
  return built;
}

function copyOfSources(): string {
  const copy = mkdtempSync(join(tmpdir(), "tidings-sources-"));
  for (const name of readdirSync(REPOSITORY)) {
    if (!LEFT_OUT.has(name)) cpSync(join(REPOSITORY, name), join(copy, name), { recursive: true });
  }
  return copy;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

function removeFormerBuilds(): void {
  for (const name of readdirSync(tmpdir())) {
    const path = join(tmpdir(), name);
    const isFormer = name.startsWith("tidings-built-") && statSync(path).mtimeMs < Date.now() - DAY_MS;
    if (isFormer) rmSync(path, { recursive: true, force: true });
  }
}

function hashOf(directory: string): string {
  const hash = createHash("sha256");
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) hash.update(path.slice(directory.length)).update(readFileSync(path));
  return hash.digest("hex").slice(0, 16);
}
