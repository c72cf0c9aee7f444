import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CONFIG_KEYS, describeConfig } from "../../src/config/config.ts";

const PAGE = new URL("../../docs/CONFIGURATION.md", import.meta.url);

describe("docs/CONFIGURATION.md", () => {
  it("is generated from the table of keys (UPDATE_DOCS=1 writes it)", () => {
    if (process.env.UPDATE_DOCS === "1") writeFileSync(PAGE, describeConfig());
    expect(readFileSync(PAGE, "utf8")).toBe(describeConfig());
  });

  it("names every key and its variable", () => {
    const page = describeConfig();
    for (const { path, env } of CONFIG_KEYS) {
      expect(page).toContain(`\`${path}\``);
      expect(page).toContain(`\`${env}\``);
    }
  });
});
