import { expect, test } from "vitest";
import { textFrame, textFrames } from "../../src/local/frame.ts";

test("texts that are encoded together are the same frames as each alone, whatever their lengths and scripts", () => {
  const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];
  const texts = ["a", "é", "世", "😀"].flatMap((text) => lengths.map((length) => text.repeat(length)));

  expect(textFrames(texts).equals(Buffer.concat(texts.map(textFrame)))).toBe(true);
  expect(textFrames([])).toHaveLength(0);
});
