import fc from "fast-check";
import { expect, it } from "vitest";
import { encodePush } from "../../src/protocol/protocol.ts";

const name = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "a",
    'say "hi"',
    "a\\b",
    "line\nbreak",
    "\u0000",
    "tab\t",
    "\u2028",
    "世界",
    "\ud800",
    "a.b:c@d-e f_9",
  ),
);

it("a push of any names is the JSON that JSON.stringify would write", () => {
  fc.assert(
    fc.property(name, name, name, name, (type, from, to, id) => {
      const push = { type, from, to, id, timestamp: 1, offset: 2, recipient: to };
      const { offset, ...rest } = push;
      const text = encodePush({ ...push, body: '{"n":1.0}' });
      expect(JSON.parse(text)).toEqual({ ...rest, offset, data: { n: 1 } });
      expect(text).toContain(`{"type":${JSON.stringify(type)},"data":{"n":1.0},"timestamp":1,`);
      expect(text).toContain(`"from":${JSON.stringify(from)},"to":${JSON.stringify(to)}`);
    }),
  );
});
