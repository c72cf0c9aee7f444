import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../support/repository.ts";

/** A fenced block: ```language … ``` */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Where its first line stands, counted from 1. */
  readonly line: number;
}

/** A Markdown page of the repository. */
export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** @param root folder that `path` is relative to */
export function readPage(path: string, root = REPOSITORY): Page {
  const text = readFileSync(join(root, path), "utf8");
  return { path, text, blocks: blocksOf(text) };
}

/** Everything that people read here. */
export const pages = (): Page[] =>
  globSync(["*.md", "docs/**/*.md", "bench/**/*.md", "examples/**/*.md"], { cwd: REPOSITORY })
    .sort()
    .map((path) => readPage(path));

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(
    ({ 1: language = "", 2: content = "", index }) => ({
      language,
      text: content,
      line: text.slice(0, index).split("\n").length + 1,
    }),
  );
}

const withoutBlocks = (text: string): string => text.replace(/^```.*?^```$/gms, "");

/** Targets of links and pictures, but for those on other servers. */
export const localLinks = ({ text }: Page): string[] =>
  [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

/** Names of a page's headings in links, as GitHub makes them. */
export const anchorsOf = ({ text }: Page): string[] =>
  [...withoutBlocks(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

/** The cells of the rows of the table that follows a heading, as they stand in the text. */
export function tableAfter({ text }: Page, heading: string): string[][] {
  const [, section = ""] = text.split(`${heading}\n`);
  const rows = /(?:^\|.*\|\n)+/m.exec(section)?.[0].trim().split("\n") ?? [];
  const cells = rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  return cells.slice(2); // without the header and the line below it
}

/** The texts in `code` of a cell. */
export const codesIn = (cell = ""): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

export const exists = (path: string): boolean => existsSync(join(REPOSITORY, path));
