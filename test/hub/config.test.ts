import { expect, it, onTestFinished } from "vitest";
import { CONFIG_KEYS, type ConfigInput, resolveConfig } from "../../src/config/config.ts";
import { hubWith } from "../../src/create-hub.ts";
import { createHub } from "../../src/index.ts";
import { recordReads } from "../config/recordReads.ts";
import { RedisServer } from "../support/redis/redis.ts";

/** Keys of the configuration that a hub reads from its start over some use to its end. */
async function keysReadBy(input: ConfigInput): Promise<ReadonlySet<string>> {
  const { config, read } = recordReads(resolveConfig({ code: input }));
  const hub = hubWith(config);
  onTestFinished(() => hub.close());
  await hub.listen();
  await hub.nodes();
  await hub.user("bob").send({ type: "chat" });
  await hub.history("user:bob");
  await hub.close();
  return read();
}

it("every key of the configuration is read by some code, on one node or in a cluster", async () => {
  await using redis = await RedisServer.start();
  const jwt = { secret: "a secret of at least thirty-two bytes" };
  const input = { jwt, logLevel: "silent", host: "127.0.0.1", port: 0 } as const;
  const alone = await keysReadBy(input);
  const clustered = await keysReadBy({ ...input, redis: redis.url });
  const paths = CONFIG_KEYS.map(({ path }) => path);
  expect(paths.filter((path) => !alone.has(path) && !clustered.has(path))).toEqual([]);
});

it("a directory for data is refused, because nothing is kept on disk", () => {
  expect(() => createHub({ data: "./data" })).toThrow("data: ");
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
