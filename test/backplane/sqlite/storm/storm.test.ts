import { afterAll, expect, test } from "vitest";
import { newDirectory, removeDirectories } from "../harness.ts";
import { killRounds } from "./rounds.ts";

afterAll(removeDirectories);

test("after kill -9 in a storm of writes the file has every publish with a receipt, without a hole or a repeat", async () => {
  const { receipts, problems } = await killRounds(await newDirectory(), { rounds: 5, most: 400 });

  expect(problems).toEqual([]);
  expect(receipts).toBeGreaterThan(5);
});
