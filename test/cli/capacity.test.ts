import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { capacityFor, type Load } from "../../src/cli/capacity.ts";
import { REPOSITORY } from "../support/repository.ts";
import { tidings } from "./run.ts";

const QUIET: Load = {
  ...{ connections: 10_000, publishes: 10, audience: 10, bytes: 200, stored: 1 },
  ...{ retentionS: 3_600, connects: 10, target: 0.5 },
};

test("a node more than a load needs is asked for, by CPU or by memory", () => {
  expect(capacityFor(QUIET)).toMatchObject({ nodes: 2, needed: { cpu: 1, memory: 1 } });
  expect(capacityFor({ ...QUIET, connections: 100_000 })).toMatchObject({
    nodes: 3,
    needed: { cpu: 1, memory: 2 },
    perNode: { connections: 50_000 },
  });
  // 200,000 deliveries at 10 µs are two cores, of which a node gives half of one.
  expect(capacityFor({ ...QUIET, publishes: 1_000, audience: 200 }).needed.cpu).toBe(5);
});

test("Redis keeps what is stored for as long as histories do, and nothing of what is ephemeral", () => {
  const stored = capacityFor({ ...QUIET, publishes: 1_000 }).redis;
  const twice = capacityFor({ ...QUIET, publishes: 1_000, retentionS: 7_200 }).redis;
  const none = capacityFor({ ...QUIET, publishes: 1_000, stored: 0 }).redis;
  expect(twice.memoryBytes - stored.memoryBytes).toBeCloseTo(1.5 * 1_000 * 3_600 * 300, -3);
  expect(none.memoryBytes).toBe(1.5 * QUIET.connections * 400);
  expect(none.cores).toBeLessThan(stored.cores / 5);
});

test("tidings capacity prints an estimate, and says what it expects", async () => {
  const docs = readFileSync(join(REPOSITORY, "docs/DEPLOYMENT.md"), "utf8");
  const [, args = "", printed = ""] = docs.match(/tidings capacity (.*)\n```\n\n```text\n([^`]*)```/) ?? [];
  const { code, stdout } = await tidings(["capacity", ...args.split(" ")]);
  expect(code).toBe(0);
  expect(stdout).toBe(printed);
  const json = JSON.parse((await tidings(["capacity", "--json"])).stdout);
  expect(json.nodes).toBeGreaterThanOrEqual(2);
  const wrong = await tidings(["capacity", "--stored", "2"]);
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr).toContain("expected a number from 0 to 1");
});
