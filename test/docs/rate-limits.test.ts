import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { resolveConfig } from "../../src/config/config.ts";
import { createRateLimiter } from "../../src/limit/limit.ts";
import { GO_CONFIG } from "../limit/clock.ts";
import { REPOSITORY } from "../support/repository.ts";
import { codesIn, readPage, tableAfter } from "./markdown.ts";

const page = readPage("docs/RATE-LIMITS.md");

describe("docs/RATE-LIMITS.md", () => {
  it("begins with the program that test/examples/limits.test.ts runs", () => {
    const [first] = page.blocks.filter(({ language }) => language === "ts");
    expect(first?.text).toBe(readFileSync(join(REPOSITORY, "examples/limits/express.ts"), "utf8"));
  });

  it("has one configuration for the middleware, the standalone server and the embedded hub", () => {
    const [yaml] = page.blocks.filter(({ language }) => language === "yaml");
    const { limits, trustProxy } = resolveConfig({ file: parse(yaml?.text ?? "") });
    expect(limits.http).toMatchObject({ ...GO_CONFIG, store: "redis" });
    expect(trustProxy).toEqual(["127.0.0.1"]);
    // What the type check of the other two does not tell.
    const written = page.blocks.filter(({ text }) => text.includes('"/api/v1/normal": "100-S"'));
    expect(written.map(({ text }) => text.includes("createRateLimiter"))).toEqual([true, false]);
    for (const { text } of written) {
      for (const [key, value] of Object.entries(GO_CONFIG)) {
        expect(text.replace(/\s/g, "")).toContain(`${key}:${JSON.stringify(value)}`);
      }
    }
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
