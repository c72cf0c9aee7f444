import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { builtPackage } from "../package/build.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { Program } from "./program.ts";

let directory: string;

beforeAll(async () => {
  directory = await builtPackage();
});

/** Runs an example with the built package, on a free port. */
async function start(example: string, env: NodeJS.ProcessEnv = {}) {
  const file = join(directory, "examples/limits", example);
  const program = new Program(process.execPath, [file], { env: { PORT: "0", ...env } });
  const port = await program.prints(/port: (\d+)/);
  return { program, url: `http://127.0.0.1:${port}` };
}

/** Sends GET after GET. @returns the statuses */
async function statuses(count: number, url: string, headers: Record<string, string> = {}): Promise<number[]> {
  const all: number[] = [];
  for (let sent = 0; sent < count; sent++) {
    const response = await fetch(url, { headers });
    await response.text();
    all.push(response.status);
  }
  return all;
}

/**
 * Sends GET after GET. @returns what was left after each; -1 for one that was refused, undefined for one that Redis did not count
 * within the time that the limiter gives it
 */
async function placesOf(count: number, url: string): Promise<(number | undefined)[]> {
  const all: (number | undefined)[] = [];
  for (let sent = 0; sent < count; sent++) {
    const response = await fetch(url);
    await response.text();
    const left = response.headers.get("x-ratelimit-remaining");
    all.push(response.status === 429 ? -1 : left === null ? undefined : Number(left));
  }
  return all;
}

/** Sends until one is refused: a slow machine may need more than one window of a second. */
async function refusalOf(url: string): Promise<Response> {
  for (;;) {
    const responses = await Promise.all(Array.from({ length: 20 }, () => fetch(url)));
    const refusal = responses.find(({ status }) => status === 429);
    if (refusal !== undefined) return refusal;
  }
}

async function endsAtSigterm(program: Program): Promise<void> {
  program.terminate();
  expect(await program.ended).toBe(0);
}

describe("examples/limits/express.ts", () => {
  it("limits routes as configured, in memory", async () => {
    const { program, url } = await start("express.ts");
    const refusal = await refusalOf(`${url}/api/v1/heavy`);
    expect(await refusal.json()).toEqual({ error: "Too Many Requests" });
    expect(refusal.headers.get("ratelimit-policy")).toBe('"/api/v1/heavy";q=10;w=1');
    await program.prints("refused /api/v1/heavy to S:/api/v1/heavy:ip:127.0.0.1");
    expect(await statuses(250, `${url}/health`)).not.toContain(429);
    await endsAtSigterm(program);
  });

  it("counts together with other processes on Redis", async () => {
    await using redis = await RedisServer.start();
    const env = { REDIS_URL: redis.url };
    const [one, other] = await Promise.all([start("express.ts", env), start("express.ts", env)]);
    const all = [...(await placesOf(150, `${one?.url}/`)), ...(await placesOf(150, `${other?.url}/`))];
    // Who was not counted in time has no place, and takes at most one.
    const places = all.filter((place) => place !== undefined && place >= 0);
    expect(new Set(places).size).toBe(places.length);
    expect(places.length).toBeLessThanOrEqual(200);
    expect(places.length + all.filter((place) => place === undefined).length).toBeGreaterThanOrEqual(200);
    expect(all.at(-1)).toBe(-1);
    for (const { program } of [one, other]) await endsAtSigterm(program);
  });
});

describe("examples/limits/fastify.ts", () => {
  it("gives each user an allowance for a pattern", async () => {
    const { program, url } = await start("fastify.ts");
    const alice = { "x-user": "alice" };
    expect(await statuses(3, `${url}/reports/7`, alice)).toEqual([200, 200, 200]);
    const refusal = await fetch(`${url}/reports/8`, { headers: alice });
    expect([refusal.status, await refusal.json()]).toEqual([429, { error: "Slow down, please" }]);
    expect(await statuses(1, `${url}/reports/7`, { "x-user": "bob" })).toEqual([200]);
    await endsAtSigterm(program);
  });
});

describe("examples/limits/hono.ts", () => {
  it("counts the address that the proxy has seen", async () => {
    const { program, url } = await start("hono.ts");
    const from = (address: string) => ({ "x-forwarded-for": address });
    expect(await statuses(4, `${url}/search`, from("203.0.113.7"))).toEqual([200, 200, 200, 429]);
    expect(await statuses(1, `${url}/search`, from("1.1.1.1, 203.0.113.7"))).toEqual([429]);
    expect(await statuses(1, `${url}/search`, from("203.0.113.8"))).toEqual([200]);
    await endsAtSigterm(program);
  });
});

describe("examples/limits/http.ts", () => {
  it("takes a new configuration at SIGHUP, and keeps the old one when the new one is wrong", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidings-limits-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "limits.json");
    const write = (config: object): void => writeFileSync(file, JSON.stringify(config));
    write({ rate: "2-H" });
    const { program, url } = await start("http.ts", { LIMITS: file });
    expect(await statuses(3, url)).toEqual([200, 200, 429]);
    write({ rate: "3-H" });
    program.hangUp();
    await program.prints("the rate is 3-H");
    expect(await statuses(2, url)).toEqual([200, 429]);
    write({ rate: "fast" });
    program.hangUp();
    await program.prints("rate limiter: rate: expected a rate such as 200-M");
    expect(await statuses(1, url)).toEqual([429]);
    await endsAtSigterm(program);
  });
});
