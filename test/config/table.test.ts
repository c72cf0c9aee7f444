import { describe, expect, it } from "vitest";
import { CONFIG_KEYS, defaultConfig, getPath } from "../../src/config/config.ts";
import { recordReads } from "./recordReads.ts";

/** Names that users depend on, with their defaults. */
const DOCUMENTED: Record<string, [path: string, value: unknown]> = {
  WEBSOCKET_MAX_CONNECTIONS: ["websocket.maxConnections", 100_000],
  WEBSOCKET_HEARTBEAT_INTERVAL: ["websocket.heartbeatInterval", 30],
  WEBSOCKET_CONNECTION_TIMEOUT: ["websocket.connectionTimeout", 60],
  WEBSOCKET_MESSAGE_BUFFER_SIZE: ["websocket.messageBufferSize", 256],
  WEBSOCKET_MESSAGE_QUEUE_SIZE: ["websocket.messageQueueSize", 1000],
  WEBSOCKET_ENABLE_COMPRESSION: ["websocket.enableCompression", false],
  WEBSOCKET_COMPRESSION_LEVEL: ["websocket.compressionLevel", -2],
  WEBSOCKET_SHARD_COUNT: ["websocket.shardCount", 16],
  WEBSOCKET_BROADCAST_WORKERS: ["websocket.broadcastWorkers", 32],
  WEBSOCKET_DROP_ON_FULL: ["websocket.dropOnFull", true],
  WEBSOCKET_CLOSE_ON_BACKPRESSURE: ["websocket.closeOnBackpressure", false],
  WEBSOCKET_SEND_TIMEOUT_MS: ["websocket.sendTimeoutMs", 50],
  WEBSOCKET_READ_BUFFER_SIZE: ["websocket.readBufferSize", 1024],
  WEBSOCKET_WRITE_BUFFER_SIZE: ["websocket.writeBufferSize", 1024],
  WEBSOCKET_MAX_MESSAGE_SIZE: ["websocket.maxMessageSize", 524_288],
  WEBSOCKET_ENABLE_GLOBAL_PING: ["websocket.enableGlobalPing", true],
  WEBSOCKET_PING_WORKERS: ["websocket.pingWorkers", 16],
  HOST: ["host", undefined],
  PORT: ["port", 8080],
  REDIS_URL: ["redis", undefined],
  REDIS_PREFIX: ["cluster.prefix", "tidings:"],
  CLUSTER_HEARTBEAT_INTERVAL: ["cluster.heartbeatInterval", 10],
  CLUSTER_NODE_TIMEOUT: ["cluster.nodeTimeout", 60],
  JWT_SECRET: ["jwt.secret", undefined],
  API_KEY: ["apiKey", undefined],
  API_KEYS: ["apiKeys", []],
  TRUST_PROXY: ["trustProxy", []],
  DEVELOPMENT_NETWORKS: ["development.networks", []],
  DATA_DIR: ["data", undefined],
  GRPC_PORT: ["grpc.port", undefined],
  NODE_IP: ["node.ip", undefined],
  NODE_PORT: ["node.port", undefined],
  POD_NAME: ["node.pod", undefined],
  LOG_LEVEL: ["logLevel", "info"],
};

describe("the table of keys", () => {
  it("has the documented environment names with their defaults", () => {
    for (const [env, [path, value]] of Object.entries(DOCUMENTED)) {
      const key = CONFIG_KEYS.find((candidate) => candidate.env === env);
      expect({ env, path: key?.path, value: key?.default }).toEqual({ env, path, value });
    }
  });

  it("gives every key unique names", () => {
    for (const kind of ["path", "env", "flag"] as const) {
      expect(new Set(CONFIG_KEYS.map((key) => key[kind])).size).toBe(CONFIG_KEYS.length);
    }
  });

  it("has defaults that its own schemas accept", () => {
    for (const key of CONFIG_KEYS) {
      if (key.default !== undefined) expect(key.schema.parse(key.default)).toEqual(key.default);
    }
  });

  it("does not read the variable PATH", () => {
    expect(CONFIG_KEYS.map((key) => key.env)).not.toContain("PATH");
  });
});

describe("recordReads", () => {
  it("records the keys that are read", () => {
    const { config, read } = recordReads(defaultConfig);
    expect(read().size).toBe(0);
    expect(config.websocket.shardCount).toBe(16);
    expect(config.origins.length).toBe(0);
    const { graceMs } = config.presence;
    expect(graceMs).toBe(5000);
    expect([...read()]).toEqual(["websocket.shardCount", "origins", "presence.graceMs"]);
  });

  it("records all keys when all are read", () => {
    const { config, read } = recordReads(defaultConfig);
    for (const { path } of CONFIG_KEYS) getPath(config, path);
    expect(read().size).toBe(CONFIG_KEYS.length);
  });
});
