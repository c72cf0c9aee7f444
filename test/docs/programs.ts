import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { builtPackage } from "../package/build.ts";
import type { Page } from "./markdown.ts";

/** Files that a page tells its reader to save: the first line of such a block names the file in a comment. */
export function filesOf({ blocks }: Page): Map<string, string> {
  const named = blocks.flatMap(({ text }): [string, string][] => {
    const [line = ""] = text.split("\n");
    const [, name] = /(?:^\/\/ |<!-- )([\w./-]+\.\w+)(?: -->)?$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, text]];
  });
  return new Map(named);
}

/**
 * Saves the files of a page as its reader does, in a folder where `tidings` is installed.
 * @returns the folder
 */
export async function saved(page: Page): Promise<string> {
  const folder = join(await builtPackage(), `reader-${process.pid}-${page.path.replace(/\W/g, "-")}`);
  for (const [name, text] of filesOf(page)) {
    const file = join(folder, name);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, text);
  }
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
