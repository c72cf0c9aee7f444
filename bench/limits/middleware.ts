/**
 * `npm run bench:limit`: what a rate limit costs a request, beside express-rate-limit and rate-limiter-flexible in one run, by turns. Each
 * middleware is called with the same request and response objects, which do nothing, so that the figures have no HTTP in them. The control is
 * a middleware that goes on at once. With `--redis redis://host:port` the stores in Redis are measured too, beside a plain INCR.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { rateLimit } from "express-rate-limit";
import { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, type RateLimiterRes } from "rate-limiter-flexible";
import {
  createRateLimiter,
  expressMiddleware,
  memoryStore,
  parseRate,
  RateCounter,
  redisStore,
} from "../../src/limit/limit.ts";

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => unknown;

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    redis: { type: "string" },
  },
});
const REQUESTS = Number(values.requests);
const ROUNDS = Number(values.rounds);
if (!(REQUESTS >= 1 && ROUNDS >= 1)) throw new Error("--requests, --rounds: expected whole numbers from 1");

const LARGE = 1_000_000_000;

function expressRateLimit(limit: number, standardHeaders: "draft-8" | false): Middleware {
  const middleware = rateLimit({
    windowMs: 60_000,
    limit,
    standardHeaders,
    legacyHeaders: true,
    validate: false,
  });
  return middleware as unknown as Middleware; // its types want a whole Express request
}

/** Makes a middleware with a limit in a minute. All of them send the legacy fields and those of the IETF draft, where they can. */
const CONTENDERS: Record<string, (limit: number) => Middleware> = {
  "control (no limit)": () => (_request, _response, next) => next(),
  tidings: (limit) => expressMiddleware(createRateLimiter({ rate: `${limit}-M` })),
  "tidings, Go configuration": (limit) =>
    expressMiddleware(
      createRateLimiter({
        rate: `${limit}-M`,
        perRouteRates: { "/api/v1/heavy": "10-S", "/api/v1/normal": "100-S" },
        identifier: "ip+route",
        whitelistCIDRs: ["10.0.0.0/8"],
        skipPaths: ["/health", "/metrics", "/static/"],
      }),
    ),
  "express-rate-limit": (limit) => expressRateLimit(limit, "draft-8"),
  // Its draft-8 fields take a SHA-256 for each request.
  "express-rate-limit, X-RateLimit-* only": (limit) => expressRateLimit(limit, false),
  "rate-limiter-flexible": (limit) => {
    // As its documentation shows for Express, with the same fields.
    const limiter = new RateLimiterMemory({ points: limit, duration: 60 });
    const send = (response: ServerResponse, { remainingPoints, msBeforeNext }: RateLimiterRes): void => {
      response.setHeader("X-RateLimit-Limit", String(limit));
      response.setHeader("X-RateLimit-Remaining", String(remainingPoints));
      const seconds = Math.ceil(msBeforeNext / 1_000);
      response.setHeader("X-RateLimit-Reset", String(seconds));
      response.setHeader("RateLimit-Policy", `"default";q=${limit};w=60`);
      response.setHeader("RateLimit", `"default";r=${remainingPoints};t=${seconds}`);
    };
    return (request, response, next) =>
      limiter.consume((request as { ip?: string }).ip ?? "").then(
        (answer) => {
          send(response, answer);
          next();
        },
        (answer: RateLimiterRes) => {
          send(response, answer);
          response.setHeader("Retry-After", String(Math.ceil(answer.msBeforeNext / 1_000)));
          response.statusCode = 429;
          response.end("Too Many Requests");
        },
      );
  },
};

interface Case {
  readonly limit: number;
  /** Different clients, by turns. */
  readonly clients: number;
}

const CASES: Record<string, Case> = {
  "one client, allowed": { limit: LARGE, clients: 1 },
  "100,000 clients, allowed": { limit: LARGE, clients: 100_000 },
  "one client, refused": { limit: 1, clients: 1 },
};

/** Addresses of clients, as a socket shows them. */
const addressOf = (index: number): string => `::ffff:203.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

/** Calls a middleware so many times, one after the other. @returns nanoseconds a call */
async function run(middleware: Middleware, { clients }: Case, addresses: readonly string[]): Promise<number> {
  let answered: () => void = () => undefined;
  const response = {
    headersSent: false,
    statusCode: 200,
    setHeader: () => response,
    append: () => response,
    status: () => response,
    send: () => answered(),
    end: () => answered(),
    on: () => response,
    once: () => response,
  };
  const socket = { remoteAddress: "" };
  const request = {
    method: "GET",
    url: "/api/v1/other?page=2",
    originalUrl: "/api/v1/other?page=2",
    headers: {},
    socket,
    ip: "",
    app: { get: () => false },
  };
  const begin = process.hrtime.bigint();
  for (let sent = 0; sent < REQUESTS; sent++) {
    request.ip = socket.remoteAddress = addresses[sent % clients] ?? "";
    await new Promise<void>((resolve) => {
      answered = resolve;
      middleware(request as unknown as IncomingMessage, response as unknown as ServerResponse, resolve);
    });
  }
  return Number(process.hrtime.bigint() - begin) / REQUESTS;
}

/** Nanoseconds and bytes of one call of a counter of a connection. */
function counterCost(): { ns: number; bytes: number } {
  const counter = new RateCounter({ rate: parseRate(`${LARGE}-S`) });
  const calls = 20_000_000;
  let refused = 0;
  const take = (count: number): void => {
    for (let now = 0; now < count; now++) if (!counter.take(now / 64 + 0.5)) refused++;
  };
  take(1_000_000);
  const heap = process.memoryUsage().heapUsed;
  const begin = process.hrtime.bigint();
  take(calls);
  const ns = Number(process.hrtime.bigint() - begin) / calls;
  if (refused > 0) throw new Error("a call was refused");
  return { ns, bytes: Math.max(0, process.memoryUsage().heapUsed - heap) / calls };
}

/** Bytes of the memory store for each client, at 100,000 clients. */
function bytesPerClient(): number {
  const store = memoryStore();
  const rate = parseRate("10-M");
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 100_000; index++) store.take(`M:*:ip:${addressOf(index).slice(7)}`, rate);
  globalThis.gc?.();
  return (process.memoryUsage().heapUsed - before) / store.size;
}

/** Requests that wait for Redis at a time. */
const CONCURRENT = 64;

/** Thousands of requests a second through stores in Redis, and beside them those of a plain INCR. */
async function measureRedis(url: string): Promise<void> {
  const client = new Redis(url);
  const own = redisStore({ client, prefix: "bench:rl:" });
  const rate = parseRate(`${LARGE}-M`);
  const flexible = new RateLimiterRedis({
    storeClient: client,
    keyPrefix: "bench:flexible",
    points: LARGE,
    duration: 60,
  });
  const takes: Record<string, (key: string) => Promise<unknown>> = {
    "control (INCR)": (key) => client.incr(`bench:incr:${key}`),
    tidings: async (key) => own.take(key, rate),
    "rate-limiter-flexible": (key) => flexible.consume(key),
  };
  const results = new Map<string, number[]>(Object.keys(takes).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, take] of Object.entries(takes)) {
      let sent = 0;
      const lane = async (): Promise<void> => {
        while (sent < REQUESTS) await take(`client-${sent++ % 1_000}`);
      };
      const begin = process.hrtime.bigint();
      await Promise.all(Array.from({ length: CONCURRENT }, lane));
      const thousands = REQUESTS / (Number(process.hrtime.bigint() - begin) / 1e6);
      if (round > 0) results.get(name)?.push(thousands); // the first round warms up
    }
  }
  console.log(`\n| through Redis, ${CONCURRENT} at a time | thousand requests/s |\n| --- | ---: |`);
  for (const [name, rounds] of results) console.log(`| ${name} | ${median(rounds).toFixed(1)} |`);
  client.disconnect();
}

const median = (figures: readonly number[]): number =>
  figures.toSorted((one, other) => one - other)[figures.length >> 1] ?? Number.NaN;

const addresses = Array.from({ length: 100_000 }, (_, index) => addressOf(index));
console.log(
  `ns per request, median of ${ROUNDS} rounds of ${REQUESTS} requests, Node ${process.versions.node}\n`,
);
console.log(
  `| | ${Object.keys(CASES).join(" | ")} |\n| --- | ${Object.keys(CASES)
    .map(() => "---:")
    .join(" | ")} |`,
);
const figures = new Map<string, number[][]>(Object.keys(CONTENDERS).map((name) => [name, []]));
for (const [index, scenario] of Object.values(CASES).entries()) {
  const made = Object.entries(CONTENDERS).map(([name, make]) => [name, make(scenario.limit)] as const);
  for (const [, middleware] of made) await run(middleware, scenario, addresses);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, middleware] of made) {
      const row = figures.get(name) ?? [];
      row[index] = [...(row[index] ?? []), await run(middleware, scenario, addresses)];
    }
  }
}
for (const [name, row] of figures) {
  console.log(`| ${name} | ${row.map((rounds) => Math.round(median(rounds))).join(" | ")} |`);
}
const { ns, bytes } = counterCost();
console.log(`\nRateCounter.take: ${ns.toFixed(1)} ns and ${bytes.toFixed(3)} bytes a call`);
console.log(`memory store: ${Math.round(bytesPerClient())} bytes for each client`);
if (values.redis !== undefined) await measureRedis(values.redis);
// rate-limiter-flexible has a timer for each client.
process.exit();
