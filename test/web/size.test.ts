import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, it } from "vitest";
import { REPOSITORY } from "../support/repository.ts";
import { buildPage } from "./build.ts";

beforeAll(buildPage);

/** Most kilobytes of a page after gzip: its HTML, and every script and style, also those that it loads later. */
const PAGES: readonly (readonly [page: string, kilobytes: number])[] = [
  ["start", 60],
  ["chat", 60],
  ["console", 120],
  ["dev", 60],
];

it.each(PAGES)("the page %s has at most %i KB", (page, kilobytes) => {
  const files = filesOf(page);
  const bytes = files.map((file) => gzipSync(readFileSync(join(BUILT, file)), { level: 9 }).length);
  const sum = bytes.reduce((total, each) => total + each, 0);
  const report = files.map((file, index) => `${file} ${bytes[index]}`).join(", ");
  console.info(`${page}: ${sum} bytes of at most ${kilobytes * 1_000} (${report})`);
  expect(sum, report).toBeLessThanOrEqual(kilobytes * 1_000);
});

const BUILT = join(REPOSITORY, "dist/web");

/** Files that a page loads, at once or later, from the folder of all pages' files. */
function filesOf(page: string): string[] {
  const html = `${page}/index.html`;
  const found = new Set([html]);
  for (const file of found) {
    const text = readFileSync(join(BUILT, file), "utf8");
    // Scripts name their files relative to themselves, or for their styles to the folder above.
    for (const [, name] of text.matchAll(/["'`](?:\.\/|pages\/|\.\/pages\/)*([\w.-]+\.(?:js|css))["'`]/g))
      found.add(`pages/${name}`);
  }
  return [...found];
}
