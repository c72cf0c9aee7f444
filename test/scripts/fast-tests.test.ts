import { describe, expect, it } from "vitest";
import { splitTests } from "../support/fast-tests.ts";
import { REPOSITORY } from "../support/repository.ts";

const { fast, whole } = splitTests(REPOSITORY);

describe("fast tests", () => {
  it("are those whose imports start no process, this one among them", () => {
    expect(fast).toContain("test/scripts/fast-tests.test.ts");
    expect(fast).toContain("test/support/eventually.test.ts");
    expect(fast.length).toBeGreaterThan(40);
  });

  it("are not those that start Redis, a browser, a build or another program", () => {
    const others = ["cluster/nodes/kill", "web/dev/page", "package/pack", "examples/python"];
    expect(whole).toEqual(expect.arrayContaining(others.map((name) => `test/${name}.test.ts`)));
  });

  it("cannot start a process", async () => {
    // Not imported, or this file would not be a fast one.
    const { spawn } = process.getBuiltinModule("node:child_process");
    expect(() => spawn("true")).toThrow("fast tests start no processes");
  });
});
