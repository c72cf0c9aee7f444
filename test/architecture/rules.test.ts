import { describe, expect, it, test } from "vitest";
import {
  crowdedFolders,
  folderCycles,
  importCycles,
  importsPastAFace,
  sharedPrefixes,
  valueImports,
} from "./rules.ts";
import { sourceFile } from "./tree.ts";

/** An invented tree: each path with the files that it imports. */
const tree = (imports: Record<string, readonly string[]>) =>
  Object.entries(imports).map(([path, targets]) => ({ path, text: "", imports: targets, packages: [] }));

const pastAFace = (from: string, target: string, ...others: string[]): boolean => {
  const rest = Object.fromEntries([target, ...others].map((path) => [path, []]));
  return importsPastAFace(tree({ ...rest, [from]: [target] }), "src").length > 0;
};

describe("the rule about faces", () => {
  it("lets others enter a folder through the file named like it", () => {
    expect(pastAFace("src/hub.ts", "src/local/local.ts")).toBe(false);
    expect(pastAFace("src/publish/publish.ts", "src/local/local.ts")).toBe(false);
    expect(pastAFace("src/view/App.tsx", "src/model/model.tsx")).toBe(false);
  });

  it("fails on an import past a face", () => {
    expect(pastAFace("src/hub.ts", "src/local/outbox.ts", "src/local/local.ts")).toBe(true);
    expect(pastAFace("src/publish/publish.ts", "src/local/outbox.ts", "src/local/local.ts")).toBe(true);
  });

  it("lets others import a further entry of the package", () => {
    const files = tree({
      "src/a/a.ts": [],
      "src/a/entry.ts": [],
      "src/a/inner.ts": [],
      "src/b.ts": ["src/a/entry.ts", "src/a/inner.ts"],
    });
    expect(importsPastAFace(files, "src", ["src/a/entry.ts"])).toEqual(["src/b.ts imports src/a/inner.ts"]);
  });

  it("fails on an import past a face at any depth", () => {
    expect(
      pastAFace("src/a/redis/history/x.ts", "src/a/redis/bus/outbound.ts", "src/a/redis/bus/bus.ts"),
    ).toBe(true);
    expect(pastAFace("src/a/redis/history/x.ts", "src/a/redis/bus/bus.ts", "src/a/redis/redis.ts")).toBe(
      false,
    );
    expect(pastAFace("src/a/a.ts", "src/a/redis/bus/bus.ts", "src/a/redis/redis.ts")).toBe(true);
  });

  it("keeps a drawer for the room around it", () => {
    expect(pastAFace("src/redis/redis.ts", "src/redis/wire/keys.ts")).toBe(false);
    expect(pastAFace("src/redis/history/x.ts", "src/redis/wire/keys.ts")).toBe(false);
    expect(pastAFace("src/hub.ts", "src/redis/wire/keys.ts")).toBe(true);
  });

  it("lets the files of a folder import each other, and what lies around them", () => {
    expect(pastAFace("src/local/shard.ts", "src/local/outbox.ts", "src/local/local.ts")).toBe(false);
    expect(pastAFace("src/redis/bus/bus.ts", "src/redis/grace.ts", "src/redis/redis.ts")).toBe(false);
  });
});

test("imports of values are told from those of types", () => {
  const text = `import type { A } from "./a.ts";
import { b } from "../b/b.ts";
import { type C } from "./c.ts";
export type { D } from "./d.ts";
export {
  e,
} from "./e.ts";
import "f";`;
  expect(valueImports({ path: "src/x/x.ts", text })).toEqual(["src/b/b.ts", "src/x/c.ts", "src/x/e.ts", "f"]);
});

describe("the rule about circles", () => {
  it("fails on files that import each other in a circle", () => {
    const circle = tree({ "src/a.ts": ["src/b.ts"], "src/b.ts": ["src/c.ts"], "src/c.ts": ["src/a.ts"] });
    expect(importCycles(circle)).toEqual(["src/a.ts → src/b.ts → src/c.ts → src/a.ts"]);
    expect(importCycles(tree({ "src/a.ts": ["src/b.ts"], "src/b.ts": [] }))).toEqual([]);
  });

  it("counts imports of types and dynamic imports", () => {
    const files = [
      sourceFile("src/a.ts", 'import type { B } from "./b.ts";'),
      sourceFile("src/b.ts", 'export const a = () => import("./a.ts");'),
    ];
    expect(importCycles(files)).toHaveLength(1);
  });

  it("fails on folders that import each other, though no files do", () => {
    const files = tree({
      "src/r/a/one.ts": ["src/r/b/two.ts"],
      "src/r/b/two.ts": [],
      "src/r/b/three.ts": ["src/r/a/four.ts"],
      "src/r/a/four.ts": [],
    });
    expect(importCycles(files)).toEqual([]);
    expect(folderCycles(files, "src")).toEqual(["src/r/a → src/r/b → src/r/a"]);
  });
});

describe("the rules about folders", () => {
  const folder = (length: number): string[] => Array.from({ length }, (_, index) => `src/a/${index}th.ts`);

  it("fails on a 15th file", () => {
    expect(crowdedFolders(folder(14))).toEqual([]);
    expect(crowdedFolders(folder(15))).toEqual(["src/a holds 15 files"]);
  });

  it("fails on a fourth sibling with one prefix", () => {
    const three = ["src/a/presence.ts", "src/a/presence-lua.ts", "src/a/presence.test.ts"];
    expect(sharedPrefixes(three)).toEqual([]);
    expect(sharedPrefixes([...three, "src/b/presence-pack.ts"])).toEqual([]);
    expect(sharedPrefixes([...three, "src/a/presence-pack.ts"])).toEqual([
      "4 files begin with src/a/presence",
    ]);
  });
});
