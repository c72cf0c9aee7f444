import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Program } from "../examples/program.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { GO_CONFIG } from "./clock.ts";

/** An answer of one of the processes. */
interface Answer {
  readonly status: number;
  readonly remaining: number;
}

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis[Symbol.asyncDispose]());

/** Starts two processes on one Redis. */
async function startTwo() {
  const programs = [1, 2].map(
    () => new Program(process.execPath, [`${import.meta.dirname}/server-process.ts`, redis.url]),
  );
  const ports = await Promise.all(programs.map((program) => program.prints(/port (\d+)/)));
  const urlOf = (index: number): string => `http://127.0.0.1:${ports[index % 2]}`;
  const get = async (index: number, path: string, address: string): Promise<Answer> => {
    const response = await fetch(urlOf(index) + path, { headers: { "x-forwarded-for": address } });
    await response.text();
    return {
      status: response.status,
      remaining: Number(response.headers.get("x-ratelimit-remaining") ?? Number.NaN),
    };
  };
  /** Sends so many at once, by turns to one and the other. */
  const burst = (count: number, path: string, address: string): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => get(index, path, address)));
  const put = async (index: number, config: object): Promise<void> => {
    const response = await fetch(urlOf(index), { method: "PUT", body: JSON.stringify(config) });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  };
  return { get, burst, put };
}

/**
 * Expects that each window gave each place once. A slow machine may need more than one window for a burst; then each of them
 * begins with the whole limit.
 */
function expectWindows(answers: readonly Answer[], limit: number): void {
  const places = answers.filter(({ status }) => status === 200).map(({ remaining }) => remaining);
  const windows = places.filter((remaining) => remaining === limit - 1).length;
  expect(windows).toBeGreaterThan(0);
  // A window that is not full has no refusal after it, so only the last one may be so.
  const expected = Array.from(
    { length: windows * limit },
    (_, index) => limit - 1 - Math.floor(index / windows),
  );
  const sorted = places.toSorted((one, other) => other - one);
  if (windows === 1) expect(sorted).toEqual(expected.slice(0, Math.min(limit, answers.length)));
  else
    expect(Math.max(...places.map((place) => places.filter((other) => other === place).length))).toBe(
      windows,
    );
}

describe("two processes that share the Redis store", () => {
  it("keep the configuration of the Go middleware to the request", async () => {
    const { burst } = await startTwo();
    expectWindows(await burst(40, "/api/v1/heavy", "203.0.113.1"), 10);
    expectWindows(await burst(150, "/api/v1/normal", "203.0.113.1"), 100);
    expectWindows(await burst(300, "/other", "203.0.113.1"), 200);
    expectWindows(await burst(40, "/api/v1/heavy", "203.0.113.2"), 10);
    for (const [path, address] of [
      ["/health", "203.0.113.1"],
      ["/static/app.js", "203.0.113.1"],
      ["/other", "10.1.2.3"],
    ] as const) {
      const answers = await burst(210, path, address);
      expect(answers.every(({ status, remaining }) => status === 200 && Number.isNaN(remaining))).toBe(true);
    }
  });

  it("keep it while the configuration changes under load: unchanged rates to the request, others within old and new", async () => {
    const { get, put } = await startTwo();
    const hours = {
      ...GO_CONFIG,
      rate: "200-H",
      perRouteRates: { "/api/v1/heavy": "10-H", "/api/v1/normal": "100-H" },
      trustProxy: ["127.0.0.1"],
      storeTimeoutMs: 30_000,
    };
    await Promise.all([put(0, hours), put(1, hours)]);
    const paths = ["/api/v1/heavy", "/api/v1/normal", "/other"] as const;
    const allowed = { "/api/v1/heavy": 0, "/api/v1/normal": 0, "/other": 0 };
    let isChanging = true;
    const load = async (index: number): Promise<void> => {
      for (let sent = 0; sent < 60; sent++) {
        for (const path of paths) if ((await get(index, path, "203.0.113.7")).status === 200) allowed[path]++;
      }
    };
    const change = async (): Promise<void> => {
      for (let round = 0; isChanging; round++) {
        const rate = round % 2 === 0 ? "150-H" : "200-H";
        await put(round, { ...hours, rate, denyMessage: `round ${round}` });
      }
    };
    const changing = change();
    await Promise.all([load(0), load(1), load(2), load(3)]);
    isChanging = false;
    await changing;
    expect(allowed["/api/v1/heavy"]).toBe(10);
    expect(allowed["/api/v1/normal"]).toBe(100);
    expect(allowed["/other"]).toBeGreaterThanOrEqual(150);
    expect(allowed["/other"]).toBeLessThanOrEqual(200);
  });
});
