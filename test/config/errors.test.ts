import { describe, expect, it } from "vitest";
import { type ConfigSources, defaultConfig, resolveConfig } from "../../src/config/config.ts";
import { PUBLIC_KEY, problemsOf } from "./problems.ts";

describe("errors", () => {
  it("one error lists every invalid value with its place and the expected value", () => {
    const message = problemsOf({
      flags: { port: "70000" },
      env: { WEBSOCKET_SHARD_COUNT: "many", WEBSOCKET_DROP_ON_FULL: "yes" },
      file: { websocket: { compressionLevel: 10 }, jwt: 5 },
      code: { logLevel: "loud" as "info" }, // possible from JavaScript
    });
    expect(message).toBe(
      [
        "6 settings are not valid:",
        "- file: jwt: expected keys and values",
        '- flag --port: expected a whole number from 0 to 65535, got "70000"',
        '- option logLevel: expected one of silent, fatal, error, warn, info, debug, trace, got "loud"',
        "- file: websocket.compressionLevel: expected a whole number from -2 to 9, got 10",
        '- environment WEBSOCKET_SHARD_COUNT: expected a whole number from 1 to 4096, got "many"',
        '- environment WEBSOCKET_DROP_ON_FULL: expected true or false (or 1 or 0), got "yes"',
      ].join("\n"),
    );
  });

  it("the retention of channels names the pattern or the value that is wrong", () => {
    const problem = (value: string): string => problemsOf({ env: { HISTORY_CHANNELS: value } });
    expect(problem("{")).toContain(
      "environment HISTORY_CHANNELS: expected an object of patterns and what they keep",
    );
    expect(problem('{"team-*":"none"}')).toContain('"team-*" is none of "all", "user:<id>" or "group:<id>"');
    for (const kept of [
      '"all"',
      '{"count":0}',
      '{"last":false}',
      '{"last":true,"count":2}',
      '{"ageMs":1.5}',
      '{"messages":3}',
      "[]",
      "null",
    ])
      expect(problem(`{"group:g":${kept}}`)).toContain(
        `expected "none", or some of count (or "last": true), ageMs and bytes as whole numbers from 1, for group:g, not ${kept}`,
      );
  });

  it("unknown keys are reported with the closest known key", () => {
    const message = problemsOf({
      flags: { prot: "1" },
      env: { WEBSOCKET_SHARDS_COUNT: "1", WEBSOCKET_QQQQQQQQQQQQQQQQQQ: "1" },
      file: { websocket: { maxConections: 1 } },
      code: JSON.parse('{"__proto__":{"port":1},"constructor":1}'),
    });
    expect(message).toContain("flag --prot: unknown, did you mean --port?");
    expect(message).toContain(
      "environment WEBSOCKET_SHARDS_COUNT: unknown, did you mean WEBSOCKET_SHARD_COUNT?",
    );
    expect(message).toMatch(/environment WEBSOCKET_QQQQQQQQQQQQQQQQQQ: unknown$/m);
    expect(message).toContain(
      "file: websocket.maxConections: unknown, did you mean websocket.maxConnections?",
    );
    expect(message).toContain("option __proto__: unknown");
    expect(message).toContain("option constructor: unknown");
  });

  it.each<[given: string, source: ConfigSources, problem: string]>([
    [
      "a flat key in a file",
      { file: { "websocket.shardCount": 4 } },
      "file: websocket.shardCount: write it nested at the dots: websocket: { shardCount: … }",
    ],
    [
      "a flat key in code",
      { code: JSON.parse('{"limits.http.rate":"1-S"}') },
      "option limits.http.rate: write it nested at the dots: limits: { http: { rate: … } }",
    ],
    [
      "a key without its group",
      { file: { shardCount: 4 } },
      "file: shardCount: unknown, did you mean websocket: { shardCount: … }?",
    ],
    [
      "a variable's name in a file",
      { file: { WEBSOCKET_SHARD_COUNT: 4 } },
      "file: WEBSOCKET_SHARD_COUNT: unknown, did you mean websocket: { shardCount: … }?",
    ],
    [
      "a secret without its group",
      { code: JSON.parse('{"secret":"x"}') },
      "option secret: unknown, did you mean jwt: { secret: … }?",
    ],
    [
      "cors",
      { code: JSON.parse('{"cors":{"origin":"*"}}') },
      "option cors: unknown, did you mean http: { corsOrigins: … }?",
    ],
    ["JWT_SECERT", { env: { JWT_SECERT: "s" } }, "environment JWT_SECERT: unknown, did you mean JWT_SECRET?"],
    ["REDISURL", { env: { REDISURL: "s" } }, "environment REDISURL: unknown, did you mean REDIS_URL?"],
    ["LOG_LEVELL", { env: { LOG_LEVELL: "s" } }, "environment LOG_LEVELL: unknown, did you mean LOG_LEVEL?"],
  ])("%s gets a hint that helps", (_given, source, problem) => {
    expect(problemsOf(source)).toContain(problem);
  });

  it("variables that Kubernetes and others set are no mistakes", () => {
    const env = {
      REDIS_PORT: "tcp://10.0.0.1:6379",
      REDIS_HOST: "r",
      NODE_ENV: "test",
      HOSTNAME: "h",
      JWT_KEY: "k",
    };
    expect(resolveConfig({ env })).toEqual(defaultConfig);
  });

  it("an invalid value is reported although a stronger source overrides it", () => {
    expect(problemsOf({ flags: { port: "1" }, env: { PORT: "x" } })).toContain("environment PORT");
  });

  it("other programs' variables are ignored", () => {
    expect(resolveConfig({ env: { TERM: "xterm", NODE_OPTIONS: "--x" } })).toEqual(defaultConfig);
  });

  it("variables of a Kubernetes service named websocket are ignored, a mistaken port is not", () => {
    const env = {
      WEBSOCKET_SERVICE_HOST: "10.0.0.1",
      WEBSOCKET_PORT: "tcp://10.0.0.1:80",
      WEBSOCKET_PORT_80_TCP: "x",
    };
    expect(resolveConfig({ env })).toEqual(defaultConfig);
    expect(problemsOf({ env: { WEBSOCKET_PORT: "9000" } })).toContain("environment WEBSOCKET_PORT: unknown");
  });

  it("errors contain no secrets", () => {
    const message = problemsOf({
      code: { redis: "http://bob:hunter2@cache", jwt: { jwksUrl: "ftp://bob:hunter2@login.example" } },
      file: { redis: "bob:hunter2@cache" },
      env: { API_KEY: " ", REDIS_URL: "not a URL hunter2" },
    });
    expect(message).not.toContain("hunter2");
    expect(message).toContain("redis-cluster://a:7000,b:7000, got http://bob:***@cache");
  });

  it("the node timeout is at least three heartbeat intervals", () => {
    const read = (heartbeatInterval: number, nodeTimeout: number) => () =>
      resolveConfig({ code: { cluster: { heartbeatInterval, nodeTimeout } } }).cluster.nodeTimeout;
    expect(read(0.1, 0.3)()).toBe(0.3);
    expect(read(5, 15)()).toBe(15);
    expect(problemsOf({ env: { CLUSTER_NODE_TIMEOUT: "20", PORT: "x" } })).toBe(
      [
        "2 settings are not valid:",
        '- environment PORT: expected a whole number from 0 to 65535, got "x"',
        "- cluster.nodeTimeout: expected at least 3 × cluster.heartbeatInterval (30 s), got 20 s",
      ].join("\n"),
    );
  });

  it.each<[interval: string, timeout: string, isValid: boolean]>([
    ["90", "60", false],
    ["60", "60", false],
    ["30", "30", false],
    ["59", "60", false],
    ["50", "60", true],
    ["0.5", "0.6", true],
    ["30", "60", true],
  ])("pings every %s s and a connection timeout of %s s: %s", (interval, timeout, isValid) => {
    const env = { WEBSOCKET_HEARTBEAT_INTERVAL: interval, WEBSOCKET_CONNECTION_TIMEOUT: timeout };
    if (isValid) expect(resolveConfig({ env }).websocket.connectionTimeout).toBe(Number(timeout));
    else
      expect(problemsOf({ env })).toContain(
        `websocket.connectionTimeout: expected at least 1.2 × websocket.heartbeatInterval (${(Number(interval) * 12) / 10} s)`,
      );
  });

  it("braces in the key prefix are refused, because they would be a hash tag", () => {
    expect(problemsOf({ env: { REDIS_PREFIX: "{app}:" } })).toContain("none of them a space or a brace");
  });

  it("a secret and a public key together are refused", () => {
    const env = { JWT_SECRET: "s" };
    expect(problemsOf({ env, file: { jwt: { publicKey: PUBLIC_KEY } } })).toContain(
      "jwt: expected one of secret, publicKey and jwksUrl, got secret and publicKey",
    );
  });

  it("algorithms that do not match the kind of key are refused", () => {
    expect(problemsOf({ env: { JWT_SECRET: "s", JWT_ALGORITHMS: "HS256,RS256" } })).toContain("got RS256");
    expect(problemsOf({ env: { JWT_PUBLIC_KEY: PUBLIC_KEY, JWT_ALGORITHMS: "HS256" } })).toContain(
      "got HS256",
    );
    expect(problemsOf({ env: { JWT_SECRET: "s", JWT_ALGORITHMS: "none" } })).toContain('got "none"');
  });

  it("a private key is refused as a public key", () => {
    const pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    const message = problemsOf({ env: { JWT_PUBLIC_KEY: pem } });
    expect(message).toContain("expected a public key or certificate in PEM");
    expect(message).not.toContain("AAAA");
  });
});
