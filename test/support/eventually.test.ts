import { expect, test } from "vitest";
import { eventually } from "./eventually.ts";

test("a condition is looked at until it holds, and its answer is the result", async () => {
  const answers = [undefined, false, "ready"];
  expect(await eventually("an answer comes", () => answers.shift())).toBe("ready");
});

test("an error of the condition ends the waiting", async () => {
  const broken = eventually("it works", () => Promise.reject(new Error("it does not")));
  await expect(broken).rejects.toThrow("it does not");
});

test.each([
  ["does not come to hold", () => false],
  ["hangs", () => new Promise<never>(() => undefined)],
])("a condition that %s is given up, with the name of what was waited for", async (_, condition) => {
  const waiting = eventually("the node is ready", condition, 20);
  await expect(waiting).rejects.toThrow("waited 0.02 s in vain until the node is ready");
});
