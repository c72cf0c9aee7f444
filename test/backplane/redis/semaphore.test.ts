import { expect, test } from "vitest";
import { forEachConcurrently } from "../../../src/backplane/redis/connection/semaphore.ts";
import { Semaphore } from "../../../src/protocol/protocol.ts";

test("a semaphore admits up to its limit without a promise, and the others in the order of their requests", async () => {
  const semaphore = new Semaphore(2);
  const admitted: string[] = [];

  expect(semaphore.acquire()).toBeUndefined();
  expect(semaphore.acquire()).toBeUndefined();
  const third = semaphore.acquire()?.then(() => admitted.push("third"));
  const fourth = semaphore.acquire()?.then(() => admitted.push("fourth"));
  semaphore.release();
  await third;
  expect(admitted).toEqual(["third"]);
  semaphore.release();
  await fourth;

  expect(admitted).toEqual(["third", "fourth"]);
});

test("a semaphore admits a thousand tasks that wait in their order", async () => {
  const semaphore = new Semaphore(1);
  const numbers = Array.from({ length: 1_000 }, (_, number) => number);
  const admitted: number[] = [];
  semaphore.acquire();
  const tasks = numbers.map((number) =>
    semaphore.acquire()?.then(() => {
      admitted.push(number);
      semaphore.release();
    }),
  );
  expect(semaphore.waiting).toBe(1_000);
  semaphore.release();
  await Promise.all(tasks);

  expect(admitted).toEqual(numbers);
  expect(semaphore.waiting).toBe(0);
  expect(semaphore.isIdle).toBe(true);
});

test("a semaphore whose tasks have ended admits at once again", () => {
  const semaphore = new Semaphore(1);

  expect(semaphore.acquire()).toBeUndefined();
  semaphore.release();

  expect(semaphore.acquire()).toBeUndefined();
});

test("work on many items is never at more than 8 at a time, and a failure ends none of the others", async () => {
  let running = 0;
  let most = 0;
  let done = 0;
  const work = async (item: number): Promise<void> => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    done++;
    if (item === 3) throw new Error("one failed");
  };

  const all = forEachConcurrently(
    Array.from({ length: 40 }, (_, index) => index),
    work,
  );

  await expect(all).rejects.toThrow("one failed");
  while (done < 40) await new Promise((resolve) => setImmediate(resolve));
  expect(most).toBe(8);
});
