import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressOf } from "../../../../src/backplane/redis/connection/connection.ts";
import { maskValue, resolveConfig } from "../../../../src/config/config.ts";
import { createHub } from "../../../../src/index.ts";
import { freePort } from "../../../support/free-port.ts";
import { SYSTEM_PROGRAM } from "../../../support/redis/program.ts";
import { RedisSentinel, RedisServer } from "../../../support/redis/redis.ts";
import { needs } from "../../../support/tools.ts";

needs("openssl");

const directory = mkdtempSync(join(tmpdir(), "tidings-tls-"));
const file = (name: string): string => join(directory, name);

/** Makes a key and a certificate for 127.0.0.1, signed by the authority. */
function makeCertificate(name: string): void {
  const run = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  run(...request, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san"];
  run("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.crt`, ...signed);
}

let server: RedisServer;
let url: string;
beforeAll(async () => {
  writeFileSync(file("san"), "subjectAltName=IP:127.0.0.1\n");
  const authority = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority", "-days", "2"];
  execFileSync("openssl", [...authority, ...names], { cwd: directory, stdio: "pipe" });
  for (const name of ["server", "client"]) makeCertificate(name);
  const port = await freePort();
  const files = ["--tls-cert-file", file("server.crt"), "--tls-key-file", file("server.key")];
  const args = [...files, "--tls-ca-cert-file", file("ca.crt"), "--tls-port", String(port)];
  // Not every server under test was built with TLS.
  server = await RedisServer.start({
    args: [...args, "--tls-auth-clients", "yes"],
    program: SYSTEM_PROGRAM,
  });
  url = `rediss://127.0.0.1:${port}`;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** Starts a hub with these settings of the environment. */
async function start(env: Record<string, string>): Promise<void> {
  const hub = createHub({ ...resolveConfig({ env }), logLevel: "silent" });
  try {
    await hub.ready;
    await hub.broadcast({ type: "n" });
  } finally {
    await hub.close();
  }
}

describe("Redis over TLS", () => {
  it("is reached with an own authority and a client certificate", async () => {
    await start({
      REDIS_URL: url.replace("rediss", "REDISS"),
      REDIS_CA: file("ca.crt"),
      REDIS_CERT: file("client.crt"),
      REDIS_KEY: file("client.key"),
    });
  });

  it("is refused in one sentence when its certificate is not trusted, or it wants one", async () => {
    const scenes: Record<string, string>[] = [
      { REDIS_URL: url },
      { REDIS_URL: url, REDIS_CA: file("ca.crt") },
    ];
    for (const env of scenes) {
      const failure = await start(env).catch((error: unknown) => error);
      expect(failure).toMatchObject({
        message: expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+: TLS with Redis fails .*REDIS_CA.*$/),
      });
    }
  });

  it.each([
    [{ REDIS_URL: "redis://a", REDIS_CA: "ca.crt" }, "need a URL that begins with rediss"],
    [
      { REDIS_URL: "rediss://a", REDIS_CERT: "client.crt" },
      "needs both cluster.redisCert (REDIS_CERT) and cluster.redisKey (REDIS_KEY)",
    ],
    [
      { REDIS_URL: "redis://a", REDIS_SENTINEL_PASSWORD: "hunter2" },
      "needs a URL that begins with redis-sentinel",
    ],
    [
      { REDIS_URL: "rediss://a", REDIS_CA: "nowhere" },
      "REDIS_CA: expected a certificate in PEM, or the path",
    ],
    [{ REDIS_URL: "rediss://a", REDIS_KEY: "ca.crt" }, "REDIS_KEY: expected a private key in PEM"],
  ])("is a clear error with %j", async (env, words) => {
    const files = Object.entries(env).map(([name, value]) => [
      name,
      value.endsWith(".crt") ? file(value) : value,
    ]);
    await expect(start(Object.fromEntries(files))).rejects.toThrow(words);
    await expect(start(Object.fromEntries(files))).rejects.not.toThrow("hunter2");
  });
});

it("Sentinels that require a password get their own", async () => {
  await using sentinel = await RedisSentinel.start("sentinels-own");
  await start({ REDIS_URL: sentinel.url, REDIS_SENTINEL_PASSWORD: "sentinels-own" });
});

describe("the URL of Redis", () => {
  it.each([
    ["redis://:p%w@a", "p%w"],
    ["redis://:100%@a", "100%"],
    ["redis://:p%40w@a", "p@w"],
    ["redis://:p%zz%41@a", "p%zzA"],
    ["redis://:p%ff@a", "p%ff"],
    ["REDIS://:p@a", "p"],
    ["redis://app:p@w:x@a", "p@w:x"],
  ])("%s has the password %s", (text, password) => {
    expect(resolveConfig({ env: { REDIS_URL: text } }).redis).toBe(text);
    expect(addressOf(text)).toMatchObject({
      password,
      kind: "standalone",
      hosts: [{ host: "a", port: 6_379 }],
    });
  });

  it("keeps what may be a password out of errors and out of `tidings config`", () => {
    for (const text of [
      "redis://a:6379?password=hunter2",
      "redis://hunter2@a",
      "redis://app:hun/hunter2@a",
      "redis://app:1#hunter2@a",
      "redis://app:1?hunter2@a",
      "https://login.example.com/jwks.json?key=hunter2",
    ]) {
      expect(maskValue(text, "password")).not.toContain("hunter2");
    }
    const bad = () => resolveConfig({ env: { REDIS_URL: "redis://a:6379?password=hunter2" } });
    expect(bad).toThrow("environment REDIS_URL: expected a URL such as redis://localhost:6379");
    expect(bad).not.toThrow("hunter2");
  });
});
