import { beforeAll, describe, expect, it } from "vitest";
import { createHub, type HubOptions } from "../../../src/index.ts";
import { call } from "../../gateway/http/call.ts";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { API_KEY } from "../../support/keys.ts";
import { RedisServer } from "../../support/redis/redis.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
  return () => redis[Symbol.asyncDispose]();
});

let clusters = 0;

type HttpLimits = NonNullable<HubOptions["limits"]>["http"];

/** Starts nodes of one cluster that count HTTP requests in its Redis. */
function startNodes(count: number, http: HttpLimits, url = redis.url): Promise<RunningHub[]> {
  const cluster = { prefix: `limits${++clusters}:`, heartbeatInterval: 0.1, nodeTimeout: 30 };
  const limits = { http: { store: "redis", storeTimeoutMs: 10_000, whitelistCIDRs: [], ...http } } as const;
  const nodes = Array.from({ length: count }, (_, index) => ({ id: `n${index + 1}` }));
  return Promise.all(nodes.map((node) => startHub({ redis: url, cluster, node, limits, apiKey: API_KEY })));
}

const statusAt = async (node: RunningHub | undefined): Promise<number> =>
  (await call(node as RunningHub, "/users")).status;

describe("HTTP requests that are counted in Redis", () => {
  it("have one count for all nodes, below the prefix of the cluster", async () => {
    const [n1, n2] = await startNodes(2, { rate: "3-H" });
    const statuses = [await statusAt(n1), await statusAt(n2), await statusAt(n1), await statusAt(n2)];
    expect(statuses).toEqual([401, 401, 401, 429]);
    const key = `limits${clusters}:rl:H:*:ip:127.0.0.1`;
    expect(await redis.command("GET", key)).toBe("3");
    expect(await redis.command("PTTL", key)).toBeGreaterThan(3_500_000);
  });

  it.each([
    ["allow", 401],
    ["deny", 503],
  ] as const)(
    "while that Redis is dead: %s, and the counts go on when it returns",
    async (onStoreError, status) => {
      await using own = await RedisServer.start();
      const [node] = await startNodes(1, { rate: "99-H", onStoreError }, own.url);
      const { hub } = node as RunningHub;
      const failures: string[] = [];
      hub.on("error", ({ stage }) => void failures.push(stage));
      await statusAt(node);
      await own.kill();
      await eventually("the store fails", async () => {
        await statusAt(node);
        return failures.includes("limits");
      });
      for (let n = 0; n < 3; n++) expect(await statusAt(node)).toBe(status);
      expect(failures.filter((stage) => stage === "limits")).toHaveLength(1);
      await own.restart();
      await eventually("the store counts again", async () => {
        const { headers } = await call(node as RunningHub, "/users");
        return headers.get("x-ratelimit-remaining") !== null;
      });
    },
  );

  it("cannot move to another store while the hub runs", async () => {
    const [node] = await startNodes(1, {});
    const body = { http: { store: "memory" } };
    const answer = await call(node as RunningHub, "/limits", {
      method: "PUT",
      body,
      headers: { "x-api-key": API_KEY },
    });
    expect([answer.status, answer.text]).toEqual([
      400,
      expect.stringContaining("http.store: cannot change while the hub runs"),
    ]);
    expect(() => node?.hub.updateConfig({ limits: { http: { store: "memory" } } })).toThrow(
      "http.store: cannot change",
    );
  });

  it("need the setting redis", () => {
    expect(() => createHub({ logLevel: "silent", limits: { http: { store: "redis" } } })).toThrow(
      "limits.http.store: redis needs the setting redis (REDIS_URL)",
    );
  });
});
