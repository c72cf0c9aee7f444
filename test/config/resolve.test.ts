import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CONFIG_KEYS,
  type ConfigSources,
  defaultConfig,
  explainConfig,
  getPath,
  resolveConfig,
} from "../../src/config/config.ts";
import { TidingsError } from "../../src/protocol/protocol.ts";
import { API_KEY, SECRET } from "../support/keys.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tidings-config-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function fileWith(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function problemsOf(sources: ConfigSources): string {
  try {
    resolveConfig(sources);
  } catch (error) {
    if (error instanceof TidingsError && error.code === "bad_request") return error.message;
    throw error;
  }
  throw new Error("expected the configuration to be refused");
}

describe("sources", () => {
  it("without sources the defaults apply", () => {
    expect(resolveConfig()).toEqual(defaultConfig);
    expect(defaultConfig.port).toBe(8080);
    expect(defaultConfig.websocket.heartbeatInterval).toBe(30);
  });

  it("the order is code, flags, environment, file, defaults", () => {
    const file = {
      port: 1,
      path: "/file",
      logLevel: "error",
      history: { count: 1 },
      presence: { graceMs: 1 },
    };
    const env = { PORT: "2", WEBSOCKET_PATH: "/env", LOG_LEVEL: "warn", HISTORY_COUNT: "2" };
    const flags = { port: "3", path: "/flag", "log-level": "debug" };
    const code = { port: 4, path: "/code" };
    const config = resolveConfig({ code, flags, env, file });
    expect(config).toMatchObject({ port: 4, path: "/code", logLevel: "debug" });
    expect(config).toMatchObject({ history: { count: 2 }, presence: { graceMs: 1 } });
    expect(config.shutdown).toEqual(defaultConfig.shutdown);
  });

  it("every key can be set in the environment, by a flag, in a file and in code", () => {
    for (const key of CONFIG_KEYS) {
      const value = valueFor(key.path);
      const text = Array.isArray(value) ? value.join(",") : String(value);
      const tree = key.path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
      // The rest of `jwt` is refused without a key.
      const beside: Record<string, string> = ALONE.has(key.path) ? {} : { JWT_SECRET: SECRET };
      const all: ConfigSources[] = [
        { env: { ...beside, [key.env]: text } },
        { env: beside, flags: { [key.flag]: text } },
        { env: beside, file: tree as object },
        { env: beside, code: tree as object }, // built from the table above, so it has the right shape
      ];
      for (const sources of all) expect(getPath(resolveConfig(sources), key.path)).toEqual(value);
    }
  });

  it("reads YAML files", () => {
    const file = fileWith(
      "a.yaml",
      "port: 9000\norigins: [https://a.example]\nwebsocket:\n  dropOnFull: 0\njwt:\n",
    );
    const config = resolveConfig({ file });
    expect(config).toMatchObject({
      port: 9000,
      origins: ["https://a.example"],
      websocket: { dropOnFull: false },
    });
  });

  it("reads JSON files", () => {
    const file = fileWith("a.json", '{"port":9000,"websocket":{"dropOnFull":false}}');
    expect(resolveConfig({ file })).toMatchObject({ port: 9000, websocket: { dropOnFull: false } });
  });

  it("accepts an empty file", () => {
    expect(resolveConfig({ file: fileWith("empty.yaml", "# nothing yet\n") })).toEqual(defaultConfig);
  });

  it("reports a missing file", () => {
    expect(problemsOf({ file: join(directory, "none.yaml") })).toContain("none.yaml: cannot be read");
  });

  it("reports a file that is not YAML", () => {
    expect(problemsOf({ file: fileWith("broken.yaml", "port: [1\nhost: a") })).toContain("broken.yaml: ");
    expect(problemsOf({ file: fileWith("list.yaml", "- port") })).toContain("expected keys and values");
  });

  it("an empty variable counts as unset", () => {
    expect(resolveConfig({ env: { PORT: "", HOST: "" } })).toEqual(defaultConfig);
  });

  it("undefined in code counts as unset", () => {
    expect(resolveConfig({ code: { port: undefined, websocket: undefined } })).toEqual(defaultConfig);
  });

  it("reports the source of each value", () => {
    const { places } = explainConfig({ flags: { port: "1" }, env: { HOST: "::1" }, file: { path: "/a" } });
    expect(places.get("port")).toBe("flag --port");
    expect(places.get("host")).toBe("environment HOST");
    expect(places.get("path")).toBe("file: path");
    expect(places.get("redis")).toBe("default");
  });
});

/** Keys that verify tokens themselves, so that `jwt.secret` is not needed beside them. */
const ALONE = new Set(["jwt.secret", "jwt.publicKey", "jwt.jwksUrl"]);

const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUTWgFa6LiH6Pc18m1D3cnJtYZulowCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjcyMDM0NDRaGA8yMTI2MTEwMzIwMzQ0
NFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIxX
eAURu2w0j3gXZ7WPygLtDaTDWl3d1rWGsEEOEIk5u3ym+s49bKQTogbnRDDyCgYH
ZR2HtOchmKrmWnVMZNSjUzBRMB0GA1UdDgQWBBSBkb+DkQRI+V6n2z7ZsjdEOVdH
7zAfBgNVHSMEGDAWgBSBkb+DkQRI+V6n2z7ZsjdEOVdH7zAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQCRNB0K1AI+Wsup/ZXXtR2PQNAWMX8fl3zs
n/zIdCeQKQIhAOsBCA/slK6cAT/VuNKsyQlC4hW/xJ49nADa3HqIKCrb
-----END CERTIFICATE-----`;

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const PRIVATE_KEY = privateKey.export({ type: "pkcs8", format: "pem" }).toString();

/** Returns a valid value for a key that differs from its default. */
function valueFor(path: string): unknown {
  const given: Record<string, unknown> = {
    host: "::1",
    path: "/socket",
    "node.id": "n1",
    "node.ip": "10.0.0.1",
    "node.port": 9000,
    "node.pod": "hub-0",
    "cluster.prefix": "app:",
    "cluster.sentinelUsername": "app",
    "cluster.sentinelPassword": "s",
    "cluster.redisCa": CERTIFICATE,
    "cluster.redisCert": CERTIFICATE,
    "cluster.redisKey": PRIVATE_KEY,
    redis: "redis://cache:6379/1",
    data: "./data",
    logLevel: "debug",
    "jwt.secret": SECRET,
    "jwt.publicKey": PUBLIC_KEY,
    "jwt.jwksUrl": "https://login.example/jwks.json",
    "jwt.algorithms": ["HS512"],
    "jwt.issuer": "me",
    "jwt.audience": "you",
    "jwt.userClaim": "uid",
    apiKey: API_KEY,
    apiKeys: ["read:a key of sixteen bytes"],
    origins: ["https://a.example", "http://localhost:3000"],
    "http.corsOrigins": ["https://a.example"],
    "websocket.perUserPolicy": "kick_oldest",
    "development.networks": ["172.17.0.0/16"],
    "publish.clientBroadcast": false,
  };
  if (path in given) return given[path];
  const value = getPath(defaultConfig, path);
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  throw new Error(`${path}: add a valid value for this key to the test`);
}

const PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----`;

describe("values", () => {
  it("booleans are written 1, 0, true or false", () => {
    const read = (text: string) =>
      resolveConfig({ env: { WEBSOCKET_DROP_ON_FULL: text } }).websocket.dropOnFull;
    expect(["1", "true", "0", "false"].map(read)).toEqual([true, true, false, false]);
  });

  it("seconds may be fractions", () => {
    const { websocket } = resolveConfig({ env: { WEBSOCKET_HEARTBEAT_INTERVAL: "0.5" } });
    expect(websocket.heartbeatInterval).toBe(0.5);
  });

  it.each([
    "redis://cache",
    "redis://:secret@127.0.0.1:6379/2",
    "rediss://app:secret@[::1]:6380",
    "redis-sentinel://a:26379,b:26379/0#mymaster",
    "redis-sentinel://:secret@a",
    "rediss-cluster://a",
    "redis-cluster://a:7000,b:7001,[::1]:7002",
    "redis-cluster://app:se,cret@a:7000",
  ])("accepts the Redis URL %s", (redis) => {
    expect(resolveConfig({ env: { REDIS_URL: redis } }).redis).toBe(redis);
  });

  it.each([
    "redis://",
    "redis:6379",
    "redis://a,b",
    "redis://a/chat",
    "redis://a:x",
    "redis://a?db=1",
    "redis-clusters://a",
    "redis-cluster://a:7000,",
    "redis-cluster://a:7000,b:x",
    "redis-cluster://a:7000/1",
    "http://a",
  ])("refuses the Redis URL %s", (redis) => {
    expect(problemsOf({ env: { REDIS_URL: redis } })).toContain(
      "environment REDIS_URL: expected a URL such as redis://",
    );
  });

  it("a PEM key may contain \\n for its line breaks", () => {
    const { jwt } = resolveConfig({ env: { JWT_PUBLIC_KEY: PUBLIC_KEY.replaceAll("\n", "\\n") } });
    expect(jwt.publicKey).toBe(PUBLIC_KEY);
  });

  it("the default algorithms depend on the kind of key", () => {
    expect(resolveConfig({ code: { jwt: { secret: SECRET } } }).jwt.algorithms).toEqual(["HS256"]);
    expect(resolveConfig({ code: { jwt: { publicKey: PUBLIC_KEY } } }).jwt.algorithms).toEqual([
      "RS256",
      "ES256",
    ]);
    const jwksUrl = "https://login.example/jwks.json";
    expect(resolveConfig({ code: { jwt: { jwksUrl } } }).jwt.algorithms).toEqual(["RS256", "ES256"]);
  });

  it("the result is frozen at every depth", () => {
    const config = resolveConfig({ code: { origins: ["https://a.example"] } });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.websocket)).toBe(true);
    expect(Object.isFrozen(config.origins)).toBe(true);
    expect(Object.isFrozen(defaultConfig.jwt.algorithms)).toBe(true);
  });

  it("does not freeze the objects of the application", () => {
    const origins = ["https://a.example"];
    resolveConfig({ code: { origins } });
    expect(Object.isFrozen(origins)).toBe(false);
  });
});

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
