import { globSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../../..");
const CONNECTION = resolve(ROOT, "src/backplane/redis/connection");

const json = (path: string) => JSON.parse(readFileSync(resolve(ROOT, path), "utf8"));

const sources = globSync(`${ROOT}/src/**/*.ts`).map((path) => ({ path, text: readFileSync(path, "utf8") }));

/** Members of ioredis clients and commands that its documentation does not promise. */
const INTERNAL =
  /\.(stream|status|commandQueue|offlineQueue|condition|connector|sendCommand)\b|\btoWritable\(/;
const COMMAND_CLASS = /import [^;]*\bCommand\b[^;]* from "ioredis"/;

// A pipe reads replies off the socket of a client, and scripts encode themselves. Both depend on how ioredis sends a
// command and on where it keeps its socket, which it may change in a patch. So its version changes only when somebody
// has read connection/ioredis.ts beside it.
test("the version of ioredis is pinned, because connection/ioredis.ts depends on its internals", () => {
  const { version } = json("node_modules/ioredis/package.json");

  expect(json("package.json").dependencies.ioredis).toBe(version);
  expect(json("package-lock.json").packages[""].dependencies.ioredis).toBe(version);
  expect(json("package-lock.json").packages["node_modules/ioredis"].version).toBe(version);
});

test("only connection/ioredis.ts uses internals of ioredis", () => {
  const users = sources
    .filter(({ path }) => path.startsWith(CONNECTION))
    .filter(({ text }) => INTERNAL.test(text) || COMMAND_CLASS.test(text))
    .map(({ path }) => relative(CONNECTION, path));

  expect(users).toEqual(["ioredis.ts"]);
});

/** The store of rate limits has a client of its own: its room is used without the hub. */
const LIMITS = new URL("../../../src/limit/", import.meta.url).pathname;

test("only the folder of connections imports ioredis, and the room of rate limits", () => {
  const importers = sources
    .filter(({ path, text }) => !path.startsWith(LIMITS) && text.includes('from "ioredis"'))
    .map(({ path }) => path);

  expect(importers.length).toBeGreaterThan(0);
  expect(importers.filter((path) => !path.startsWith(CONNECTION))).toEqual([]);
});
