import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRateLimiter, memoryStore } from "../../src/limit/limit.ts";

const HEAVY = "/api/v1/heavy";

/** A letter in small or capital, or encoded. */
const letter = (text: string) =>
  fc.constantFrom(
    text,
    text.toUpperCase(),
    `%${text.charCodeAt(0).toString(16)}`,
    `%${text.toUpperCase().charCodeAt(0).toString(16)}`,
  );

/** One or more slashes, perhaps encoded, perhaps with segments that lead nowhere between them. */
const slash = fc
  .array(fc.constantFrom("/", "//", "/./", "/%2e/", "/x/../", "/x/%2E%2e/", "\\", "%2f", "%5C"), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.join(""));

/** Spellings of {@link HEAVY} that some framework takes for it. */
const spellings = fc
  .tuple(...[...HEAVY].slice(1).map((character) => (character === "/" ? slash : letter(character))))
  .chain((parts) =>
    fc.record({
      before: fc.constantFrom("", "/.", "/x/..", "/", "http://host", "//host", "/\\host"),
      path: fc.constant(`/${parts.join("")}`),
      after: fc.constantFrom("", "/", "?x=1", "#x", "/.", "/x/..", ";x", ";x/../..", "%3bx", "//"),
    }),
  )
  .map(({ before, path, after }) => before + path + after);

describe("spellings of a path", () => {
  it("never evade the rate of a route", () => {
    const limiter = createRateLimiter({
      rate: "1000000-H",
      perRouteRates: { [HEAVY]: "1-H" },
      store: memoryStore(),
    });
    const isAllowed = async (path: string): Promise<boolean> =>
      (await limiter.check({ path, address: "203.0.113.1" })).allowed;
    return fc.assert(
      fc.asyncProperty(spellings, async (path) => {
        await isAllowed(HEAVY);
        expect(await isAllowed(path)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it("are skipped only where the resolved path is below the skipped one", () => {
    const limiter = createRateLimiter({ rate: "1000000-H", skipPaths: ["/static/"] });
    const segment = fc.constantFrom(
      "a",
      "..",
      ".",
      "%2e%2e",
      "..%2f",
      "%2e",
      "",
      "x%20y",
      "..\\",
      ";",
      "..;a",
    );
    return fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 6 }), async (segments) => {
        const path = `/static/${segments.join("/")}`;
        const { reason } = await limiter.check({ path, address: "203.0.113.1" });
        const { pathname } = new URL(path.replaceAll(/%2f/gi, "/"), "http://host");
        if (!pathname.startsWith("/static/")) expect(reason).toBe("rate");
      }),
      { numRuns: 2_000 },
    );
  });

  it("never make the limiter throw", () => {
    const limiter = createRateLimiter({
      rate: "1000000-H",
      perRouteRates: { "/a/*": "2-H" },
      skipPaths: ["/s/"],
    });
    const anything = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[/.%\\;?#:a-f0-9]{0,30}$/));
    return fc.assert(
      fc.asyncProperty(anything, anything, async (path, address) => {
        expect(await limiter.check({ path, address })).toMatchObject({ reason: expect.any(String) });
      }),
      { numRuns: 2_000 },
    );
  });
});
