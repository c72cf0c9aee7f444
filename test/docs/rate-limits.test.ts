import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRateLimiter } from "../../src/limit/limit.ts";
import { REPOSITORY } from "../support/repository.ts";
import { codesIn, readPage, tableAfter } from "./markdown.ts";

const page = readPage("docs/RATE-LIMITS.md");

describe("docs/RATE-LIMITS.md", () => {
  it("begins with the program that test/examples/limits.test.ts runs", () => {
    const [first] = page.blocks.filter(({ language }) => language === "ts");
    expect(first?.text).toBe(readFileSync(join(REPOSITORY, "examples/limits/express.ts"), "utf8"));
  });

  it("lists every key of the configuration with its default", () => {
    const { rate: _, ...defaults } = createRateLimiter({ rate: "1-S" }).config;
    const rows = tableAfter(page, "## Configuration").map(([key, value]) => [
      codesIn(key)[0],
      codesIn(value)[0],
    ]);
    const listed = Object.fromEntries(rows);
    const outside = { rate: undefined, store: '"memory"', observer: undefined };
    const expected = Object.entries(defaults).map(([key, value]) => [key, JSON.stringify(value)]);
    expect(listed).toEqual({ ...outside, ...Object.fromEntries(expected) });
  });
});
