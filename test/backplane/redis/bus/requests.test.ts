import { expect, test } from "vitest";
import { Requests, SilentNodes } from "../../../../src/backplane/redis/bus/bus.ts";

/** Longer than any test takes. */
const LONG_MS = 600_000;

const silentNodes = (): SilentNodes => new SilentNodes((token) => token === "own");

test("a request resolves with its answer, and with no answer to another request", async () => {
  const requests = new Requests(LONG_MS);
  const ids: string[] = [];
  const ask = () =>
    requests.ask((id) => {
      ids.push(id);
      return ["b"];
    });

  const [first, second] = [ask(), ask()];
  requests.answered(ids[1] ?? "", "b", "to the second");
  requests.answered(ids[0] ?? "", "b", "to the first");

  expect(await first).toEqual(new Map([["b", "to the first"]]));
  expect(await second).toEqual(new Map([["b", "to the second"]]));
});

test("a request to several nodes awaits all of them, also when answers come before they are known", async () => {
  const requests = new Requests(LONG_MS);
  const { promise: asked, resolve: tellNodes } = Promise.withResolvers<readonly string[]>();
  let id = "";

  const answers = requests.ask((given) => {
    id = given;
    return asked;
  });
  requests.answered(id, "b", "one");
  requests.answered(id, "c", "two");
  tellNodes(["b", "c", "d"]);
  await asked;
  requests.answered(id, "d", "three");

  expect([...(await answers).values()]).toEqual(["one", "two", "three"]);
});

test("a request that asks no node waits for nothing", async () => {
  expect(await new Requests(LONG_MS).ask(() => [])).toEqual(new Map());
});

test("after the timeout a request resolves with the answers that came, and later ones are ignored", async () => {
  const requests = new Requests(1);
  let id = "";

  const answers = await requests.ask((given) => {
    id = given;
    requests.answered(id, "b", "one");
    return ["b", "c"];
  });
  requests.answered(id, "c", "late");

  expect(answers).toEqual(new Map([["b", "one"]]));
});

test("a request that cannot be sent rejects", async () => {
  const sending = Promise.reject(new Error("Redis is unavailable"));

  await expect(new Requests(LONG_MS).ask(() => sending)).rejects.toThrow("Redis is unavailable");
});

test("the end of requests ends those that wait, and nobody is silent for it", async () => {
  const silent = silentNodes();
  const requests = new Requests(LONG_MS, silent);
  const pending = [requests.ask(() => ["b"]), requests.ask(() => ["c"])];
  await Promise.resolve();

  requests.stop();

  expect(await Promise.all(pending)).toEqual([new Map(), new Map()]);
  expect(silent.has("b")).toBe(false);
});

test("a node that missed one timeout is not waited for, by requests of any kind", async () => {
  const silent = silentNodes();
  const [kicks, confirmations] = [new Requests(1, silent), new Requests(LONG_MS, silent)];
  const waiting = confirmations.ask(() => ["b"]);

  await kicks.ask(() => ["b"]);

  expect(await waiting).toEqual(new Map());
  expect(await confirmations.ask(() => ["b"])).toEqual(new Map());
});

test("other nodes are waited for all the same", async () => {
  const silent = silentNodes();
  silent.add("b");
  const requests = new Requests(LONG_MS, silent);

  const answers = requests.ask((id) => {
    queueMicrotask(() => queueMicrotask(() => requests.answered(id, "c", "1")));
    return ["b", "c"];
  });

  expect(await answers).toEqual(new Map([["c", "1"]]));
});

test("a node is waited for again once a late answer of it has come", async () => {
  const silent = silentNodes();
  silent.add("b");
  const requests = new Requests(LONG_MS, silent);

  requests.answered("of a request that has ended", "b");

  expect(silent.has("b")).toBe(false);
});

test("the node itself is never silent", async () => {
  const silent = silentNodes();

  await new Requests(1, silent).ask(() => ["own", "b"]);

  expect([silent.has("own"), silent.has("b")]).toEqual([false, true]);
});

test("a silent node is hailed until it is heard of, and forgotten in the end", () => {
  const silent = silentNodes();
  silent.add("b");
  silent.add("c");
  expect(silent.hail()).toEqual(["b", "c"]);
  silent.heard("c");
  let hails = 1;
  while (silent.hail().length > 0) hails++;

  expect(silent.has("b")).toBe(false);
  expect(hails).toBeGreaterThan(100);
});
