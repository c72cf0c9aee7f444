import fc from "fast-check";
import { expect, it } from "vitest";
import { joinNames } from "../../src/protocol/protocol.ts";

it("different lists of names never join to one name", () => {
  // Few characters, so that lists often differ only in the place of a separator or an escape.
  const names = fc.array(fc.string({ unit: fc.constantFrom("a", "/", "%", "2", "F", "5"), maxLength: 6 }), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(names, names, (some, others) => {
      expect(joinNames(...some) === joinNames(...others)).toBe(
        JSON.stringify(some) === JSON.stringify(others),
      );
    }),
    { numRuns: 2_000 },
  );
});

it.each([
  [["org", "alice/k1"], "org/alice%2Fk1"],
  [["org/alice", "k1"], "org%2Falice/k1"],
  [["100%", "%2F"], "100%25/%252F"],
  [["alice", ""], "alice/"],
])("%j joins to %s", (names, joined) => {
  expect(joinNames(...names)).toBe(joined);
});
