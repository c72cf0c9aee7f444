import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CONFIG_KEYS } from "../../../src/config/config.ts";
import { REPOSITORY } from "../../support/repository.ts";
import { pages } from "../markdown.ts";

/**
 * Finds variables of the environment that a text names without the setting. Applications that embed a hub know the settings alone:
 * `createHub` does not read the environment.
 */
function variablesAlone(text: string): string[] {
  const found = text.match(/(?<![\w.$])[A-Z][A-Z_]+(?!\w)/g) ?? [];
  return [...new Set(found)].filter((name) => {
    const path = PATHS.get(name)?.replaceAll(".", "\\.");
    return path !== undefined && !new RegExp(`(?<![\\w.$])${path}(?![\\w.]*\\w)`).test(text);
  });
}

const PATHS = new Map(CONFIG_KEYS.map(({ env, path }) => [env, path]));

/** Paragraphs, items of lists and rows of tables, without fenced blocks. Flags of the command line have variables of their own. */
const partsOf = (text: string): string[] =>
  text
    .replace(/^```.*?^```$/gms, "")
    .split(/\n\n|\n(?=\||- |\d+\. )/)
    .filter((part) => !part.includes("--api-key"));

describe("a variable of the environment", () => {
  it.each(pages().filter(({ path }) => path.startsWith("docs/")))(
    "stands beside its setting: $path",
    ({ text }) => {
      const alone = partsOf(text).flatMap((part) => variablesAlone(part).map((name) => `${name}: ${part}`));
      expect(alone).toEqual([]);
    },
  );

  it("stands beside its setting in messages of the hub", () => {
    const files = globSync("src/**/*.ts", { cwd: REPOSITORY, exclude: ["src/cli/**", "src/config/**"] });
    const alone = files.flatMap((path) => {
      const lines = readFileSync(join(REPOSITORY, path), "utf8").split("\n");
      return lines.flatMap((line, index) => {
        if (variablesAlone(line).length === 0) return [];
        const around = lines.slice(Math.max(0, index - 1), index + 2).join("\n");
        return variablesAlone(around).map((name) => `${path}:${index + 1}: ${name}`);
      });
    });
    expect(alone).toEqual([]);
  });
});
