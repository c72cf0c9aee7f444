import { describe, expect, it } from "vitest";
import { isPictureUrl, readContent } from "../../../../web/dev/model/content.ts";

describe("the content of a message", () => {
  it("is text, from a string or from an object", () => {
    expect(readContent("chat", "Hello")).toEqual({ kind: "text", text: "Hello" });
    expect(readContent("chat", { text: "Hello" })).toEqual({ kind: "text", text: "Hello" });
  });

  it("is a picture for http and https URLs only", () => {
    const url = "https://example.com/cat.png";
    expect(readContent("img", { url })).toEqual({ kind: "picture", url });
    for (const other of [
      "javascript:alert(1)",
      "data:image/svg+xml,<svg/>",
      "file:///etc/passwd",
      "cat.png",
      "",
    ]) {
      expect(isPictureUrl(other)).toBe(false);
      expect(readContent("img", { url: other }).kind).toBe("other");
    }
  });

  it("is JSON for unknown types and shapes", () => {
    expect(readContent("order", { id: 7 })).toEqual({
      kind: "other",
      type: "order",
      json: '{\n  "id": 7\n}',
    });
    for (const data of [null, 7, [], { text: 7 }, { url: null }, undefined]) {
      expect(readContent("chat", data).kind).toBe("other");
      expect(readContent("img", data).kind).toBe("other");
    }
  });
});
