import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Modules that start processes: Node's own, and the libraries that start a browser or a build with it. */
const STARTERS = ["child_process", "node:child_process", "playwright-core", "tsdown", "vite"];

/**
 * Static imports and re-exports, but for types, and `import("x")`. What is loaded in another way is caught by
 * no-processes.ts.
 */
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^"';]*?\bfrom\s*)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** The test files of a repository, by whether anything that they import can start a process. */
export function splitTests(root: string): { readonly fast: string[]; readonly whole: string[] } {
  const isStarter = starters(root);
  const files = globSync("test/**/*.test.ts", { cwd: root }).sort();
  return {
    fast: files.filter((file) => !isStarter(file)),
    whole: files.filter((file) => isStarter(file)),
  };
}

/** Tells of a file whether it imports one of {@link STARTERS}, itself or through others. */
function starters(root: string): (file: string) => boolean {
  const known = new Map<string, boolean>();
  const isStarter = (file: string): boolean => {
    const found = known.get(file);
    if (found !== undefined) return found;
    known.set(file, false); // for circles
    const names = [...textOf(join(root, file)).matchAll(IMPORT)].map(([, name, lazy = ""]) => name ?? lazy);
    const starts = names.some((name) =>
      name.startsWith(".") ? isStarter(join(dirname(file), name)) : STARTERS.includes(name),
    );
    known.set(file, starts);
    return starts;
  };
  return isStarter;
}

/** Empty when it is no source file of the repository, as a build that is not made yet. */
function textOf(path: string): string {
  if (!/\.(tsx?|mjs)$/.test(path)) return "";
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
