import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import {
  crowdedFolders,
  folderCycles,
  importCycles,
  importsPastAFace,
  sharedPrefixes,
  valueImports,
} from "./rules.ts";
import { listTree, readTree, type SourceFile } from "./tree.ts";

/** Which rooms a room may import from. "." are the files at the root of src/: the hub, its wiring and its audiences. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  protocol: [],
  config: ["protocol", "limit"],
  limit: ["protocol"],
  database: ["protocol"],
  log: ["protocol", "database"],
  loadtest: ["protocol"],
  tracing: ["protocol"],
  local: ["protocol"],
  backplane: ["protocol", "database"],
  publish: ["protocol", "local", "backplane"],
  members: ["protocol", "local", "backplane", "publish"],
  why: ["protocol", "local", "backplane"],
  actions: ["protocol", "limit", "local", "backplane", "publish", "members"],
  gateway: [
    "protocol",
    "limit",
    "log",
    "config",
    "local",
    "backplane",
    "publish",
    "members",
    "actions",
    "why",
  ],
  console: ["protocol", "local", "backplane", "publish", "actions", "gateway"],
  ".": [
    "protocol",
    "limit",
    "log",
    "config",
    "local",
    "backplane",
    "publish",
    "members",
    "actions",
    "why",
    "gateway",
    "console",
    "tracing",
  ],
  chat: ["protocol", "limit", "database", "."],
  outbox: ["protocol", "database", "."],
  cli: ["protocol", "config", "backplane", "gateway", "client", "chat", "loadtest", "."],
  client: ["protocol"],
  stores: ["protocol", "client"],
  react: ["protocol", "client", "stores"],
  offline: ["protocol", "client"],
  testing: ["protocol", "backplane"],
};

/** Rooms that the browser runs too. */
const BROWSER_ROOMS = ["protocol", "client", "stores", "offline"];

/** Entries of the package beside the face of their room. */
const ENTRIES = ["src/client/rooms.ts"];

/** All but types that rooms of the browser may import from others: whoever uses a hook gets no second copy of the client. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  stores: ENTRIES,
  react: ["src/stores/stores.ts", "react"],
};

/** Trees in which every folder has a face or is a drawer. */
const TREES = ["src", "bench", "web", "test/support"];

/** Everything whose folders a reader lists. */
const FOLDERS = ["src", "bench", "web", "test", "examples", "scripts"];

const files = readTree("src");

/** `local` for src/local/outbox.ts, "." for src/hub.ts. */
const roomOf = (path: string): string => path.match(/^src\/([^/]+)\//)?.[1] ?? ".";

const pathsWhere = (condition: (file: SourceFile) => boolean): string[] =>
  files.filter(condition).map(({ path }) => path);

describe("the architecture", () => {
  it("covers every room", () => {
    expect(files.length).toBeGreaterThan(150);
    const rooms = [...new Set(files.map(({ path }) => roomOf(path)))];
    expect(rooms.sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it("has rooms that import only from rooms below them", () => {
    const breaches = files.flatMap(({ path, imports }) =>
      imports
        .filter((target) => roomOf(target) !== roomOf(path))
        .filter((target) => !MAY_IMPORT[roomOf(path)]?.includes(roomOf(target)))
        .map((target) => `${path} imports ${target}`),
    );
    expect(breaches).toEqual([]);
  });

  it.each(TREES)("enters the folders of %s through their faces", (root) => {
    expect(importsPastAFace(readTree(root), root, ENTRIES)).toEqual([]);
  });

  it.each(TREES)("has no import cycle in %s", (root) => {
    expect(importCycles(readTree(root))).toEqual([]);
  });

  it.each(TREES)("has no cycle between folders of %s", (root) => {
    expect(folderCycles(readTree(root), root)).toEqual([]);
  });

  it.each(FOLDERS)("has at most 14 files in each folder of %s", (root) => {
    expect(crowdedFolders(listTree(root))).toEqual([]);
  });

  it.each(FOLDERS)("has no prefix that four files of a folder of %s share", (root) => {
    expect(sharedPrefixes(listTree(root))).toEqual([]);
  });

  it("has no node: import and no package where the browser runs", () => {
    const breaches = files
      .filter(({ path }) => BROWSER_ROOMS.includes(roomOf(path)))
      .flatMap(({ path, packages }) => packages.map((name) => `${path}: ${name}`));
    expect(breaches).toEqual([]);
  });

  it("has stores and hooks that bring nothing but themselves into a bundle", () => {
    const breaches = Object.entries(VALUES).flatMap(([room, allowed]) =>
      files
        .filter(({ path }) => roomOf(path) === room)
        .flatMap((file) => valueImports(file).map((target) => [file.path, target] as const))
        .filter(([, target]) => roomOf(target) !== room && !allowed.includes(target))
        .map(([path, target]) => `${path}: ${target}`),
    );
    expect(breaches).toEqual([]);
  });

  it("names concrete backplanes and authenticators in create-hub.ts only", () => {
    const concrete = /\b(memoryBackplane|sqliteBackplane|redisBackplane|developmentAuth|jwt)\(/;
    const namers = pathsWhere(
      ({ path, text }) =>
        [".", "cli"].includes(roomOf(path)) && concrete.test(text.replace(/`jwt\(\)`/g, "")),
    );
    // `tidings token` and `bench` mint without a hub.
    expect(namers.map((path) => basename(path)).sort()).toEqual(["create-hub.ts", "minting.ts"]);
  });

  it("has no file that sticks out", () => {
    const lines = ({ text }: SourceFile): number => text.split("\n").length;
    const sizes = files.map(lines).sort((one, other) => one - other);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(150);
    expect(pathsWhere((file) => lines(file) > 350)).toEqual([]);
  });

  it("has no wildcard export and no file that is named after nothing", () => {
    expect(pathsWhere(({ text }) => /export \*/.test(text))).toEqual([]);
    expect(pathsWhere(({ path }) => /\/(types|utils|helpers|common)\.ts$/.test(path))).toEqual([]);
  });
});
