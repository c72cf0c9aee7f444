import { expect, test } from "vitest";
import { SerialByKey } from "../../src/protocol/protocol.ts";

/** Work that ends when the test says so. */
function controlled(started: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const work = (): Promise<string> => {
    started.push(name);
    return promise;
  };
  return { work, succeed: () => resolve(name), fail: () => reject(new Error(name)) };
}

test("work of one key runs one after another, in the order of the calls", async () => {
  const serial = new SerialByKey<object>();
  const key = {};
  const started: string[] = [];
  const first = controlled(started, "first");
  const second = controlled(started, "second");

  const results = [serial.run(key, first.work), serial.run(key, second.work)];
  second.succeed();
  await Promise.resolve();
  expect(started).toEqual(["first"]);
  first.succeed();

  expect(await Promise.all(results)).toEqual(["first", "second"]);
  expect(started).toEqual(["first", "second"]);
});

test("work of different keys runs at the same time", async () => {
  const serial = new SerialByKey<object>();
  const started: string[] = [];
  const first = controlled(started, "first");
  const second = controlled(started, "second");

  const unfinished = serial.run({}, first.work);
  const finished = serial.run({}, second.work);
  second.succeed();

  expect(await finished).toBe("second");
  expect(started).toEqual(["first", "second"]);
  first.succeed();
  await unfinished;
});

test("a failure rejects for its own caller, and the next work of the key runs", async () => {
  const serial = new SerialByKey<object>();
  const key = {};
  const failing = controlled([], "failing");

  const failed = serial.run(key, failing.work);
  const next = serial.run(key, async () => "next");
  failing.fail();

  await expect(failed).rejects.toThrow("failing");
  expect(await next).toBe("next");
});

test("work never runs within the call that hands it over", async () => {
  const started: string[] = [];
  const { work, succeed } = controlled(started, "work");

  const done = new SerialByKey<object>().run({}, work);
  expect(started).toEqual([]);
  succeed();
  await done;
});
