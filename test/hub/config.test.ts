import { expect, it, onTestFinished } from "vitest";
import { CONFIG_KEYS, resolveConfig } from "../../src/config/config.ts";
import { hubWith } from "../../src/hub.ts";
import { createHub } from "../../src/index.ts";
import { recordReads } from "../config/recordReads.ts";

it("every key of the configuration is read by some code", async () => {
  const code = {
    jwt: { secret: "a secret of at least thirty-two bytes" },
    logLevel: "silent",
    port: 0,
  } as const;
  const { config, read } = recordReads(resolveConfig({ code }));
  const hub = hubWith(config);
  onTestFinished(() => hub.close());
  await hub.listen();
  await hub.nodes();
  await hub.user("bob").send({ type: "chat" });
  await hub.history("user:bob");
  await hub.close();
  expect(CONFIG_KEYS.map(({ path }) => path).filter((path) => !read().has(path))).toEqual([]);
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
