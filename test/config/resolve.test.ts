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
  valueText,
} from "../../src/config/config.ts";
import { API_KEY, SECRET } from "../support/keys.ts";
import { PUBLIC_KEY, problemsOf } from "./problems.ts";

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
      const text = valueText(value);
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
    "storage.sync": "full",
    "history.channels": {
      "group:live-*": { count: 7 },
      "group:price-*": { last: true },
      "group:typing": "none",
    },
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
    "grpc.port": 50_051,
    "development.networks": ["172.17.0.0/16"],
    "policy.join": "nobody",
    "policy.sendToUser": "granted",
    "policy.sendToGroup": "granted",
    "policy.broadcast": "anyone",
    "policy.edit": "anyone",
    "policy.history": "granted",
    "policy.presence": "nobody",
    "policy.anonymous": { join: ["group:lobby"] },
    trustProxy: ["10.0.0.0/8", "fd00::/8"],
    "limits.http.rate": "7-S",
    "limits.http.perRouteRates": { "/send": "7-S", "/groups/*": "off" },
    "limits.http.identifier": "ip+route",
    "limits.http.headerName": "X-Device",
    "limits.http.whitelistCIDRs": ["192.0.2.0/24"],
    "limits.http.skipPaths": ["/health", "/static/"],
    "limits.http.denyStatus": 503,
    "limits.http.denyMessage": "later",
    "limits.http.store": "redis",
    "limits.http.onStoreError": "deny",
    "limits.whitelistCIDRs": ["192.0.2.0/24"],
    "limits.actionsPerUser": { "chat.say": "7-S" },
    chat: true,
    messageLog: "stdout",
    chatDatabase: "sqlite:./chat.db",
    chatDirect: "anyone",
  };
  if (path in given) return given[path];
  const value = getPath(defaultConfig, path);
  if (/^(limits|overload)\./.test(path) && typeof value === "string") return "7-S";
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  throw new Error(`${path}: add a valid value for this key to the test`);
}

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
