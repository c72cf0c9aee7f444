import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHub } from "../../../../src/index.ts";
import { end, launch, tidings } from "../../../cli/run.ts";
import { eventually } from "../../../support/eventually.ts";
import { freePort } from "../../../support/free-port.ts";
import { RedisSentinel, RedisServer } from "../../../support/redis/redis.ts";
import { createNode } from "./node.ts";

const PASSWORD = "correct-horse-battery";

let server: RedisServer;
let clustered: RedisServer;
let sentinel: RedisSentinel;
beforeAll(async () => {
  [server, clustered, sentinel] = await Promise.all([
    RedisServer.start(),
    RedisServer.start({ args: ["--cluster-enabled", "yes"] }),
    RedisSentinel.start(PASSWORD),
  ]);
  for (const each of [server, clustered]) {
    await each.command(
      "ACL",
      "SETUSER",
      "app",
      "on",
      `>${PASSWORD}`,
      "~*",
      "&*",
      "+@all",
      "-eval",
      "-evalsha",
    );
    await each.command("CONFIG", "SET", "requirepass", PASSWORD);
  }
});
afterAll(async () => {
  for (const each of [server, clustered, sentinel]) await each[Symbol.asyncDispose]();
});

/** The URL of a Redis, as another kind and with credentials. */
const urlOf = ({ url }: { readonly url: string }, credentials = "", kind = "redis"): string =>
  url.replace("redis://", `${kind}://${credentials}`);

/** A start that cannot succeed, and what it says. */
const HOPELESS: Record<string, [url: () => string, says: RegExp]> = {
  "a wrong password": [
    () => urlOf(server, ":wr0ng@"),
    /does not accept the user and the password.*WRONGPASS/,
  ],
  "no password": [() => urlOf(server), /does not accept the user and the password.*NOAUTH/],
  "an unknown user": [() => urlOf(server, `nobody:${PASSWORD}@`), /WRONGPASS/],
  "a missing right": [() => urlOf(server, `app:${PASSWORD}@`), /lacks a right in Redis/],
  "no such database": [() => `${urlOf(server, `:${PASSWORD}@`)}/99`, /does not have what is configured/],
  "a wrong password for a Cluster": [
    () => urlOf(clustered, ":wr0ng@", "redis-cluster"),
    /the Redis Cluster .*WRONGPASS/,
  ],
  "no password for a Cluster": [() => urlOf(clustered, "", "redis-cluster"), /the Redis Cluster .*NOAUTH/],
  "one Redis taken for a Cluster": [
    () => urlOf(server, `:${PASSWORD}@`, "redis-cluster"),
    /does not have what is configured: .*cluster support disabled/,
  ],
  "no password for the Sentinels": [() => sentinel.url, /the Redis behind the Sentinels .*NOAUTH/],
};

const expectOneSentence = (text: string, says: RegExp): void => {
  expect(text).toMatch(says);
  expect(text).toMatch(/127\.0\.0\.1:\d+/);
  expect(text.trim().split("\n")).toHaveLength(1);
  for (const secret of ["wr0ng", "nobody", ...PASSWORD.split("-")]) expect(text).not.toContain(secret);
};

describe("a first start with", () => {
  it.each(Object.entries(HOPELESS))("%s rejects `ready` with one sentence", async (_, [url, says]) => {
    const hub = createHub({ logLevel: "silent", redis: url() });
    const failures: unknown[] = [];
    hub.on("error", ({ error }) => failures.push(error));
    const failure = await hub.ready.catch((error: unknown) => error);
    await hub.close();
    expect(failure).toMatchObject({ code: "unavailable" });
    expectOneSentence((failure as Error).message, says);
    expect(failures).toEqual([failure]);
  });

  it.each(["no password", "a missing right", "no password for a Cluster", "no password for the Sentinels"])(
    "%s ends `tidings serve` with exit code 1 and one sentence",
    async (name) => {
      const [url, says] = HOPELESS[name] ?? expect.fail("no such scene");
      const { code, stderr, stdout } = await tidings(["serve", "--port", "0", "--log-level", "silent"], {
        REDIS_URL: url(),
      });
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expectOneSentence(stderr, says);
    },
  );
});

it("a first start of workers ends with one sentence, and no worker is restarted", async () => {
  const args = ["serve", "--workers", "2", "--port", "0", "--log-level", "silent"];
  const { code, stderr, stdout } = await tidings(args, { REDIS_URL: urlOf(server) });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expectOneSentence(stderr, /NOAUTH/);
});

describe("a first start without a Redis to reach", () => {
  it.each(["redis", "redis-sentinel", "redis-cluster"])(
    "is tried again, and says where, what and when: %s",
    async (kind) => {
      const port = await freePort();
      const hosts = [
        [`127.0.0.1:${port}`, "ECONNREFUSED"],
        [`localhost:${port}`, "ECONNREFUSED"],
        [`no-such-host.invalid:${port}`, /ENOTFOUND|EAI_AGAIN/],
      ] as const;
      const says = hosts.map(async ([host, what]) => {
        const waiting = launch(["--redis", `${kind}://:${PASSWORD}@${host}`, "--log-level", "error"]);
        const line = await waiting.prints((text) => text.includes(host));
        await end(waiting);
        const { msg } = JSON.parse(line) as { msg: string };
        expect(msg).toContain(host);
        expect(msg).toMatch(what);
        expect(msg).toMatch(/The node tries again within \d+ s$/);
        expect(line).not.toContain(PASSWORD);
      });
      await Promise.all(says);
    },
  );
});

it("after the first success a refused password is tried again, because passwords are rotated", async () => {
  await using redis = await RedisServer.start();
  const node = await createNode(urlOf(redis, `rotated:${PASSWORD}@`), {})
    .started()
    .catch((error: unknown) => error);
  expect(node).toMatchObject({ code: "unavailable" });
  const rights = ["on", `>${PASSWORD}`, "~*", "&*", "+@all"];
  await redis.command("ACL", "SETUSER", "rotated", ...rights);
  const later = await createNode(urlOf(redis, `rotated:${PASSWORD}@`)).started();
  await redis.command("ACL", "DELUSER", "rotated");
  await eventually("the node says why", () => later.sink.reports.join().includes("WRONGPASS"));
  await redis.command("ACL", "SETUSER", "rotated", ...rights);
  await eventually("the node is up", () =>
    later.backplane.probe().then(
      () => true,
      () => false,
    ),
  );
});
