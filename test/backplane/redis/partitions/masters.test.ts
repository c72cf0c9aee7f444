import { expect, test } from "vitest";
import { Partitions } from "../../../../src/backplane/redis/partitions/partitions.ts";

/** Partitions of a Redis Cluster whose client names a master that changes. */
function partitionsOn(cluster: { master: string | undefined }) {
  const partitions = new Partitions({
    open: async () => "birth",
    compare: async () => undefined,
    refusalOf: () => undefined,
    masterOf: () => cluster.master,
    isMoving: async () => false,
    timeoutMs: 1_000,
    onStuck: () => undefined,
  });
  const steps: string[] = [];
  partitions.onDoubt((partition) => steps.push(`doubt ${partition}`));
  return { partitions, steps };
}

test("the first call to another master of a partition comes after the doubt", async () => {
  const cluster = { master: "one" };
  const { partitions, steps } = partitionsOn(cluster);
  await partitions.run(7, async () => steps.push("first"));
  cluster.master = "two";
  await partitions.run(7, async () => steps.push("second"));
  await partitions.run(7, async () => steps.push("third"));
  expect(steps).toEqual(["first", "doubt 7", "second", "third"]);
});

test("an answer of a master that was replaced meanwhile is doubted once its caller has it", async () => {
  const cluster = { master: "one" };
  const { partitions, steps } = partitionsOn(cluster);
  await partitions.run(7, async () => undefined);
  const answered = Promise.withResolvers<void>();
  const call = partitions.run(7, () => answered.promise).then(() => steps.push("answered"));
  cluster.master = "two";
  await partitions.run(7, async () => steps.push("other call"));
  answered.resolve();
  await call;
  await new Promise(setImmediate);
  expect(steps).toEqual(["doubt 7", "other call", "answered", "doubt 7"]);
});

test("without slots there is no doubt", async () => {
  const { partitions, steps } = partitionsOn({ master: undefined });
  await partitions.run(7, async () => steps.push("first"));
  await partitions.run(7, async () => steps.push("second"));
  expect(steps).toEqual(["first", "second"]);
});
