import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");

/** Which rooms a room may import from. "." are the files at the root of src/: create-hub.ts, hub.ts and what they are made of. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  protocol: [],
  config: ["protocol"],
  local: ["protocol"],
  backplane: ["protocol"],
  publish: ["protocol", "local", "backplane"],
  members: ["protocol", "local", "backplane", "publish"],
  actions: ["protocol", "local", "backplane", "publish", "members"],
  gateway: ["protocol", "config", "local", "backplane", "publish", "members", "actions"],
  ".": ["protocol", "config", "local", "backplane", "publish", "members", "actions", "gateway"],
  cli: ["protocol", "config", "gateway", "."],
  client: ["protocol"],
};

/** Rooms that the browser runs too. */
const BROWSER_ROOMS = ["protocol", "client"];

interface SourceFile {
  readonly path: string;
  readonly room: string;
  readonly lines: number;
  readonly imports: readonly string[];
}

const roomOf = (path: string): string => relative(SRC, dirname(path)).split("/")[0] || ".";

const files: SourceFile[] = globSync(`${SRC}/**/*.{ts,tsx}`).map((path) => {
  const text = readFileSync(path, "utf8");
  const imports = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  return { path, room: roomOf(path), lines: text.split("\n").length, imports };
});

const local = (file: SourceFile): string[] =>
  file.imports.filter((name) => /^\..*\.tsx?$/.test(name)).map((name) => join(dirname(file.path), name));

const name = (path: string): string => relative(SRC, path);

describe("the architecture", () => {
  it("is looked at as a whole", () => {
    expect(files.length).toBeGreaterThan(40);
    expect([...new Set(files.map(({ room }) => room))].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it("has rooms that import only from rooms below them", () => {
    const breaches = files.flatMap((file) =>
      local(file)
        .filter((target) => roomOf(target) !== file.room)
        .filter((target) => !MAY_IMPORT[file.room]?.includes(roomOf(target)))
        .map((target) => `${name(file.path)} imports ${name(target)}`),
    );
    expect(breaches).toEqual([]);
  });

  it("has rooms that are entered through the file named like them", () => {
    const breaches = files.flatMap((file) =>
      local(file)
        .filter((target) => roomOf(target) !== file.room && roomOf(target) !== ".")
        .filter((target) => name(target) !== `${roomOf(target)}/${roomOf(target)}.ts`)
        .map((target) => `${name(file.path)} imports ${name(target)}`),
    );
    expect(breaches).toEqual([]);
  });

  it("has no import cycle", () => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].map(name).join(" → "));
        return;
      }
      const file = byPath.get(path);
      if (file === undefined || done.has(path)) return;
      for (const target of local(file)) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const { path } of files) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it("has no node: import where the browser runs", () => {
    const breaches = files
      .filter(({ room }) => BROWSER_ROOMS.includes(room))
      .flatMap((file) =>
        file.imports.filter((each) => !each.startsWith(".")).map((each) => `${name(file.path)}: ${each}`),
      );
    expect(breaches).toEqual([]);
  });

  it("names concrete backplanes and authenticators in create-hub.ts only", () => {
    const concrete = /\b(memoryBackplane|developmentAuth|jwt)\(/;
    const namers = files
      .filter(({ room }) => room === "." || room === "cli")
      .filter(({ path }) => concrete.test(readFileSync(path, "utf8").replace(/`jwt\(\)`/g, "")))
      .map(({ path }) => name(path));
    // `tidings token` mints without a hub.
    expect(namers.sort()).toEqual(["cli/commands/server/token.ts", "create-hub.ts"]);
  });

  it("has no file that sticks out", () => {
    const sizes = files.map(({ lines }) => lines).sort((one, other) => one - other);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(150);
    expect(files.filter(({ lines }) => lines > 350).map(({ path }) => name(path))).toEqual([]);
  });

  it("has no wildcard export and no file that is named after nothing", () => {
    const wildcards = files.filter(({ path }) => /export \*/.test(readFileSync(path, "utf8")));
    expect(wildcards.map(({ path }) => name(path))).toEqual([]);
    expect(files.filter(({ path }) => /\/(types|utils|helpers|common)\.ts$/.test(path))).toEqual([]);
  });
});
