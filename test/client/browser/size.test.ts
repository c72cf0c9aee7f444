import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { bundle } from "./bundle.ts";

test("the SDK is at most 9 KB gzipped in the browser, and imports nothing", async () => {
  const code = await bundle();
  expect(gzipSync(code).length).toBeLessThanOrEqual(9 * 1_024);
  expect(code).not.toMatch(/\bfrom\s*["']|\bimport\s*[("']|\brequire\(/);
});
