import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

const REPOSITORY = resolve(import.meta.dirname, "../..");

/** A source file as the rules see it. Paths are relative to the repository, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** Files of the repository that it imports, type imports and `import()` included. */
  readonly imports: readonly string[];
  /** Packages and `node:` modules that it imports. */
  readonly packages: readonly string[];
}

/** Reads the TypeScript files below a folder of the repository. */
export function readTree(folder: string): SourceFile[] {
  return globSync(`${folder}/**/*.{ts,tsx}`, { cwd: REPOSITORY })
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(REPOSITORY, path), "utf8")));
}

/** Names of all files below a folder, whatever their type. */
export function listTree(folder: string): string[] {
  const entries = globSync(`${folder}/**/*`, { cwd: REPOSITORY, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(REPOSITORY, join(entry.parentPath, entry.name)))
    .sort();
}

export function sourceFile(path: string, text: string): SourceFile {
  const names = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  const isLocal = (name: string): boolean => name.startsWith(".");
  return {
    path,
    text,
    imports: names
      .filter((name) => isLocal(name) && /\.tsx?$/.test(name))
      .map((name) => join(dirname(path), name)),
    packages: names.filter((name) => !isLocal(name)),
  };
}
