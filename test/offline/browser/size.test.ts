import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { bundle } from "../../client/browser/bundle.ts";

/** Gzipped size of the entry, the SDK in it. docs/OFFLINE.md says it. */
const MOST_BYTES = 18.25 * 1_024;

test("the entry for many tabs is small, with the SDK in it, and imports nothing", async () => {
  const code = await bundle("offline/offline.ts");
  expect(gzipSync(code).length).toBeLessThanOrEqual(MOST_BYTES);
  expect(code).not.toMatch(/\bfrom\s*["']|\bimport\s*[("']|\brequire\(/);
});
