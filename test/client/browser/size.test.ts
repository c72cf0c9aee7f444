import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { bundle } from "./bundle.ts";

test("the SDK is at most 9 KB gzipped in the browser, and imports nothing", async () => {
  const code = await bundle();
  expect(gzipSync(code).length).toBeLessThanOrEqual(9 * 1_024);
  expect(code).not.toMatch(/\bfrom\s*["']|\bimport\s*[("']|\brequire\(/);
});

/** Kibibytes with gzip that docs/REACT.md promises. */
test.each([
  ["stores/stores.ts", [], 5.5],
  ["react/react.ts", ["react"], 6],
])(
  "%s is as small as its page says, and brings neither a client nor React",
  async (path, external, limit) => {
    const code = await bundle(path, external);
    expect(gzipSync(code).length).toBeLessThanOrEqual(limit * 1_024);
    const imports = [...code.matchAll(/\bfrom\s*["']([^"']+)["']/g)].map(([, name]) => name);
    expect(imports).toEqual(external);
    expect(code).not.toContain("WebSocket");
  },
);
