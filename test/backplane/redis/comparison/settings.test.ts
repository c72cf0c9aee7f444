import { expect, test } from "vitest";
import { riskySettings } from "../../../../src/backplane/redis/comparison/settings.ts";

const infoOf = (fields: Record<string, string>): string =>
  ["# Server", ...Object.entries(fields).map(([name, value]) => `${name}:${value}`), ""].join("\r\n");

const SAFE = { maxmemory_policy: "noeviction", aof_enabled: "1", role: "master" };

test("a master that evicts nothing and appends to a file has no risky settings", () => {
  expect(riskySettings(infoOf(SAFE))).toEqual([]);
  expect(riskySettings("")).toEqual([]);
});

test.each([
  [{ maxmemory_policy: "allkeys-lru" }, /maxmemory-policy is allkeys-lru.*noeviction/],
  [{ maxmemory_policy: "volatile-ttl" }, /maxmemory-policy is volatile-ttl.*noeviction/],
  [{ aof_enabled: "0" }, /appendonly is no.*yes/],
  [{ role: "slave" }, /replica.*connect to its master/],
])("%j is a risk, and the sentence says what to choose instead", (fields, sentence) => {
  expect(riskySettings(infoOf({ ...SAFE, ...fields }))).toEqual([expect.stringMatching(sentence)]);
});
