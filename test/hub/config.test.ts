import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { memoryBackplane } from "../../src/backplane/backplane.ts";
import { createChat } from "../../src/chat/chat.ts";
import { CONFIG_KEYS, type ConfigInput, resolveConfig } from "../../src/config/config.ts";
import { hubWith } from "../../src/create-hub.ts";
import { createHub } from "../../src/index.ts";
import { recordReads } from "../config/recordReads.ts";
import { RedisServer } from "../support/redis/redis.ts";

/** Keys of the configuration that a hub reads from its start over some use to its end. */
async function keysReadBy(input: ConfigInput): Promise<ReadonlySet<string>> {
  const { config, read } = recordReads(resolveConfig({ code: input }));
  const hub = hubWith(config);
  const chat = config.redis === undefined ? createChat({ hub }) : undefined;
  onTestFinished(() => hub.close());
  await hub.listen();
  await hub.nodes();
  await hub.user("bob").send({ type: "chat" });
  await hub.history("user:bob");
  await hub.close();
  await chat?.close();
  return read();
}

it("every key of the configuration is read by some code, on one node or in a cluster", async () => {
  await using redis = await RedisServer.start();
  const jwt = { secret: "a secret of at least thirty-two bytes" };
  const input = { jwt, logLevel: "silent", host: "127.0.0.1", port: 0 } as const;
  const alone = await keysReadBy(input);
  const clustered = await keysReadBy({ ...input, redis: redis.url });
  const directory = await mkdtemp(join(tmpdir(), "tidings-data-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const stored = await keysReadBy({ ...input, data: directory });
  const paths = CONFIG_KEYS.map(({ path }) => path);
  expect(paths.filter((path) => [alone, clustered, stored].every((read) => !read.has(path)))).toEqual([]);
});

it("a directory for data is refused beside redis", () => {
  const both = { data: "./data", redis: "redis://127.0.0.1" };
  expect(() => createHub(both)).toThrow(
    "data: expected none beside redis, which keeps the data of all nodes. Leave out one of them (DATA_DIR, REDIS_URL)",
  );
});

it("no data and a text that is no directory are told apart", () => {
  for (const text of ["0", "false"]) expect(resolveConfig({ env: { DATA_DIR: text } }).data).toBe(false);
  expect(resolveConfig({ code: { data: false, redis: "redis://127.0.0.1" } }).data).toBe(false);
  for (const text of ["1", " "])
    expect(() => resolveConfig({ env: { DATA_DIR: text } })).toThrow(
      `environment DATA_DIR: expected a directory such as ./data, or false for none, got "${text}"`,
    );
});

it("bad values and unknown keys give one error that names them all", () => {
  const options = { port: 70_000, websocket: { shardCount: 0, compressionLevel: 12, surprise: 1 } };
  for (const name of ["port", "websocket.shardCount", "websocket.compressionLevel", "websocket.surprise"]) {
    expect(() => createHub(options)).toThrow(name);
  }
});

it("the merged configuration can be read, and is frozen", () => {
  const hub = createHub({ logLevel: "silent", websocket: { messageBufferSize: 7 } });
  onTestFinished(() => hub.close());
  expect(hub.config.websocket).toMatchObject({ messageBufferSize: 7, heartbeatInterval: 30 });
  expect(Object.isFrozen(hub.config.websocket)).toBe(true);
});

const memory = () => memoryBackplane({ history: { count: 10, ageMs: 60_000, totalBytes: 1_000_000 } });

it("a hub takes a backplane of the application", async () => {
  const backplane = memory();
  const hub = createHub({ backplane, logLevel: "silent" });
  onTestFinished(() => hub.close());
  await hub.ready;

  await hub.user("bob").send({ type: "chat", data: 1 });

  expect(await backplane.broker.positions(["user:bob"])).toMatchObject([{ offset: 1 }]);
});

it("a backplane of the application is refused beside redis or data, and so is what is none", () => {
  for (const other of [{ data: "./never-made" }, { redis: "redis://127.0.0.1" }])
    expect(() => createHub({ backplane: memory(), ...other })).toThrow(
      "backplane: expected no redis and no data beside it, got one",
    );
  const wrong = {} as ReturnType<typeof memory>;
  expect(() => createHub({ backplane: wrong })).toThrow(
    "backplane: expected an object that implements the interface Backplane",
  );
  expect(() => createHub({ backplane: memory(), data: false }).close()).not.toThrow();
});
