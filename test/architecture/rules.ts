import { basename, dirname, join } from "node:path";
import type { SourceFile } from "./tree.ts";

/** Files that a folder may hold. */
export const MOST_FILES = 14;

/** Files of one folder that may share the first word of their names. */
export const MOST_SIBLINGS = 3;

/**
 * Imports that enter a folder past its face, the file named like it. A folder without a face is a drawer: only files of the room
 * around it may import from it. The rule holds at every depth below `root`.
 *
 * @param entries further files that anybody may import, because the package exports each under a name of its own
 */
export function importsPastAFace(
  files: readonly SourceFile[],
  root: string,
  entries: readonly string[] = [],
): string[] {
  const paths = new Set(files.map(({ path }) => path));
  const isInside = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);
  const mayEnter = (from: string, target: string, folder: string): boolean => {
    if (isInside(from, folder)) return true;
    const face = faceOf(folder, paths);
    if (face === undefined) return isInside(from, dirname(folder));
    return target === face || entries.includes(target);
  };
  return files.flatMap(({ path, imports }) =>
    imports
      .filter((target) => isInside(target, root))
      .filter((target) => !foldersOf(target, root).every((folder) => mayEnter(path, target, folder)))
      .map((target) => `${path} imports ${target}`),
  );
}

/**
 * Imports and re-exports that are more than types, with the file that has them: a bundle keeps what they name.
 * @returns paths relative to the repository, and names of packages
 */
export function valueImports({ path, text }: Pick<SourceFile, "path" | "text">): string[] {
  const imports = text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^"';]*?\bfrom\s*)?"([^"]+)"/gm);
  return [...imports].map(([, name = ""]) => (name.startsWith(".") ? join(dirname(path), name) : name));
}

/** Circles of imports, type imports included: each as the files along it. */
export function importCycles(files: readonly SourceFile[]): string[] {
  return cyclesOf(new Map(files.map(({ path, imports }) => [path, imports])));
}

/** Circles between the folders of one room, at every depth: each as the folders along it. */
export function folderCycles(files: readonly SourceFile[], root: string): string[] {
  const graph = new Map<string, Set<string>>();
  for (const { path, imports } of files) {
    for (const target of imports) {
      const [from, to] = whereTheyPart(path, target);
      if (!from.startsWith(`${root}/`) || from === to || isFile(from) || isFile(to)) continue;
      graph.set(from, (graph.get(from) ?? new Set()).add(to));
    }
  }
  return cyclesOf(graph);
}

/** Folders that hold more files than {@link MOST_FILES}. */
export function crowdedFolders(paths: readonly string[]): string[] {
  const counts = [...Map.groupBy(paths, dirname)].map(([folder, { length }]) => ({ folder, length }));
  return counts
    .filter(({ length }) => length > MOST_FILES)
    .map(({ folder, length }) => `${folder} holds ${length} files`);
}

/** First words of names that more files of one folder share than {@link MOST_SIBLINGS}: such files belong in a folder. */
export function sharedPrefixes(paths: readonly string[]): string[] {
  const firstWord = (path: string): string => `${dirname(path)}/${basename(path).split(/[-.]/)[0]}`;
  return [...Map.groupBy(paths, firstWord)]
    .filter(([, { length }]) => length > MOST_SIBLINGS)
    .map(([prefix, { length }]) => `${length} files begin with ${prefix}`);
}

function faceOf(folder: string, paths: ReadonlySet<string>): string | undefined {
  const face = `${folder}/${basename(folder)}`;
  return [`${face}.ts`, `${face}.tsx`].find((path) => paths.has(path));
}

/** The folders between `root` and a file, the outermost first; without `root` itself. */
function foldersOf(path: string, root: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); folder !== root && folder !== "."; folder = dirname(folder))
    folders.unshift(folder);
  return folders;
}

const isFile = (path: string): boolean => /\.tsx?$/.test(path);

/** The two entries of the innermost common folder through which one file reaches the other. */
function whereTheyPart(one: string, other: string): [string, string] {
  const [left, right] = [one.split("/"), other.split("/")];
  let depth = 0;
  while (left[depth] === right[depth] && depth < left.length - 1) depth++;
  return [left.slice(0, depth + 1).join("/"), right.slice(0, depth + 1).join("/")];
}

function cyclesOf(graph: ReadonlyMap<string, Iterable<string>>): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): void => {
    if (trail.includes(node)) {
      cycles.push([...trail.slice(trail.indexOf(node)), node].join(" → "));
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return cycles;
}
