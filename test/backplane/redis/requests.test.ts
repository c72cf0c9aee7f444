import { expect, test } from "vitest";
import { Requests } from "../../../src/backplane/redis/bus/requests.ts";

/** Longer than any test takes. */
const LONG_MS = 600_000;

test("a request resolves with its answer, and with no answer to another request", async () => {
  const requests = new Requests(LONG_MS);
  const ids: string[] = [];
  const ask = () =>
    requests.ask((id) => {
      ids.push(id);
      return 1;
    });

  const [first, second] = [ask(), ask()];
  requests.answered(ids[1] ?? "", "to the second");
  requests.answered(ids[0] ?? "", "to the first");

  expect(await first).toEqual(["to the first"]);
  expect(await second).toEqual(["to the second"]);
});

test("a request to several nodes awaits all of them, also when answers come before their number is known", async () => {
  const requests = new Requests(LONG_MS);
  const { promise: asked, resolve: tellNumber } = Promise.withResolvers<number>();
  let id = "";

  const answers = requests.ask((given) => {
    id = given;
    return asked;
  });
  requests.answered(id, "one");
  requests.answered(id, "two");
  tellNumber(3);
  await asked;
  requests.answered(id, "three");

  expect(await answers).toEqual(["one", "two", "three"]);
});

test("a request that asks no node waits for nothing", async () => {
  expect(await new Requests(LONG_MS).ask(() => 0)).toEqual([]);
});

test("after the timeout a request resolves with the answers that came, and later ones are ignored", async () => {
  const requests = new Requests(1);
  let id = "";

  const answers = await requests.ask((given) => {
    id = given;
    requests.answered(id, "one");
    return 2;
  });
  requests.answered(id, "late");

  expect(answers).toEqual(["one"]);
});

test("a request that cannot be sent rejects", async () => {
  const sending = Promise.reject(new Error("Redis is unavailable"));

  await expect(new Requests(LONG_MS).ask(() => sending)).rejects.toThrow("Redis is unavailable");
});

test("one answer to all pending requests ends those that await one", async () => {
  const requests = new Requests(LONG_MS);
  const pending = [requests.ask(() => 1), requests.ask(() => 1)];

  requests.answerAll("0");

  expect(await Promise.all(pending)).toEqual([["0"], ["0"]]);
});
