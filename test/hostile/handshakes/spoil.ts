import fc from "fast-check";

/** Values that are wrong almost everywhere: of another type, too long, or not well-formed. */
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, "", ".", "..", "/", "%", "\0", "\r\n", "\ud800"],
  ...["__proto__", "constructor", "user:", "group:", "all", "😀".repeat(40), "€".repeat(101)],
  ...["x".repeat(101), "x".repeat(129), "x".repeat(5_000), "x".repeat(20_000)],
  ...[[], {}, [[]], { toString: 1 }, { length: -1 }, JSON.parse('{"__proto__":{"a":1}}')],
  Array.from({ length: 2_000 }, () => "x"),
];

export const bad: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

export const badText: fc.Arbitrary<string> = bad.map((value) =>
  typeof value === "string" ? value : JSON.stringify(value),
);

/** A value in which one part is replaced, missing, or of another name. */
export function spoiled(value: unknown): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.nat(), bad, badText, fc.constantFrom("replace", "remove", "rename", "rename"))
    .map(([at, other, name, how]) => {
      const root = { value: structuredClone(value) };
      const places = placesIn(root);
      const place = places[at % places.length];
      if (place === undefined) return other;
      const { holder, key } = place;
      const part = holder[key];
      if (how !== "replace") delete holder[key];
      if (how === "replace") holder[key] = other;
      if (how === "rename") holder[name] = part;
      return root.value;
    });
}

type Fields = Record<string, unknown>;

function placesIn(holder: Fields): { holder: Fields; key: string }[] {
  return Object.keys(holder).flatMap((key) => {
    const value = holder[key];
    const inner = typeof value === "object" && value !== null ? placesIn(value as Fields) : [];
    return [{ holder, key }, ...inner];
  });
}

/** A text that is cut, doubled, or has foreign characters inside. */
export const garbled = (text: string): fc.Arbitrary<string> =>
  fc.tuple(fc.nat(text.length), fc.nat(text.length), badText).map(([from, to, other]) => {
    const [start, end] = [Math.min(from, to), Math.max(from, to)];
    return text.slice(0, end) + other.slice(0, 300) + text.slice(start);
  });

/** A value as JSON: mostly right, or spoiled, or garbled. */
export function json(value: unknown): fc.Arbitrary<string> {
  const text = JSON.stringify(value);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(text) },
    { weight: 5, arbitrary: spoiled(value).map((other) => JSON.stringify(other) ?? "") },
    { weight: 1, arbitrary: garbled(text) },
  );
}
