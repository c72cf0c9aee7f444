/**
 * `npm run bench:console`: the console of a large cluster. Every request of every view must be answered within 200 ms, and no task may
 * block the browser's main thread for more than 50 ms. It needs `npm run build`, Redis and Chromium.
 */
import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";
import { describeTestMachine } from "../../src/loadtest/measure/machine.ts";
import type { CrowdPlan } from "./crowd.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "50000" },
    groups: { type: "string", default: "5000" },
    workers: { type: "string", default: "4" },
    /** Seconds that each view is shown. */
    seconds: { type: "string", default: "6" },
  },
});
const [connections, groups, workers, seconds] = [
  values.connections,
  values.groups,
  values.workers,
  values.seconds,
].map(Number) as [number, number, number, number];

/** Most clients of a process: it may open 20,000 files. */
const CROWD = 12_500;

const PORTS = { hub: 18_480, redis: 18_479 };

const MAX_REQUEST_MS = 200;
const MAX_TASK_MS = 50;

const VIEWS = [
  "overview",
  "nodes",
  "nodes/bench-1",
  "users",
  "users/user-1",
  "groups",
  "groups/group-1",
  "broadcast",
  "events",
  "why?user=user-1",
  "limits",
  "configuration",
];

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const children: ChildProcess[] = [];

async function startHub(): Promise<void> {
  const redis = spawn("redis-server", ["--port", String(PORTS.redis), "--save", "", "--bind", "127.0.0.1"], {
    stdio: "ignore",
  });
  children.push(redis);
  await sleep(500);
  const env = {
    ...process.env,
    ...{ REDIS_URL: `redis://127.0.0.1:${PORTS.redis}`, NODE_ID: "bench", LOG_LEVEL: "warn" },
    // All clients have one address, and come at once.
    ...{ LIMITS_CONNECTS_PER_ADDRESS: "1000000-S", LIMITS_LOGINS_PER_ADDRESS: "1000000-S" },
    ...{ OVERLOAD_LOOP_PERCENT: "0", OVERLOAD_CONNECTS_PER_NODE: "1000000-S" },
  };
  const args = ["serve", "--json", "--port", String(PORTS.hub), "--workers", String(workers)];
  const hub = spawn(process.execPath, [pathOf("../../src/cli/main.ts"), ...args], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(hub);
  for await (const line of createInterface(hub.stdout)) if (line.includes('"event":"listening"')) return;
  throw new Error("the hub has ended");
}

async function connectCrowds(): Promise<void> {
  const starts = Array.from({ length: Math.ceil(connections / CROWD) }, (_, index) => index * CROWD);
  await Promise.all(
    starts.map(async (first, index) => {
      const crowd = fork(pathOf("crowd.ts"));
      children.push(crowd);
      const plan: CrowdPlan = {
        url: `ws://127.0.0.1:${PORTS.hub}/ws`,
        first,
        count: Math.min(CROWD, connections - first),
        groups,
        address: `127.0.0.${index + 2}`,
      };
      crowd.send(plan);
      await once(crowd, "message");
    }),
  );
}

/** Sends to groups all the time, so that the views have something to show. */
function keepBusy(): NodeJS.Timeout {
  let sent = 0;
  return setInterval(() => {
    for (let each = 0; each < 5; each++) {
      const body = JSON.stringify({
        group: `group-${sent++ % groups}`,
        type: "bench",
        data: sent,
        ephemeral: true,
      });
      const headers = { "content-type": "application/json" };
      fetch(`http://127.0.0.1:${PORTS.hub}/ws/message`, { method: "POST", headers, body }).catch(
        () => undefined,
      );
    }
  }, 50);
}

interface Figures {
  /** Longest answer of a request. */
  readonly requestMs: number;
  /** Its path. */
  readonly slowest: string;
  readonly requests: number;
  /** Longest task of the main thread, of those over 50 ms; 0: none. */
  readonly taskMs: number;
  /** Bytes a second that the page received by HTTP and WebSocket. */
  readonly bytesPerSecond: number;
}

async function measure(page: Page, hash: string): Promise<Figures> {
  let slowest = { ms: 0, path: "" };
  let requests = 0;
  let bytes = 0;
  page.removeAllListeners("requestfinished");
  page.on("requestfinished", (request) => {
    const { requestStart, responseEnd } = request.timing();
    const ms = responseEnd - requestStart;
    const { pathname, search } = new URL(request.url());
    if (ms > slowest.ms) slowest = { ms, path: pathname + search };
    requests++;
    void request.sizes().then(
      ({ responseBodySize }) => {
        bytes += responseBodySize;
      },
      () => undefined,
    );
  });
  const frames = ({ payload }: { payload: string | Buffer }): void => {
    bytes += payload.length;
  };
  sockets.add(frames);
  await page.evaluate(() => {
    (globalThis as unknown as { tasks: number[] }).tasks = []; // the init script made it
  });
  await page.evaluate((next) => {
    (globalThis as unknown as { location: { hash: string } }).location.hash = next; // code of the browser
  }, hash);
  await sleep(seconds * 1_000);
  sockets.delete(frames);
  const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks);
  return {
    requestMs: slowest.ms,
    slowest: slowest.path,
    requests,
    taskMs: Math.max(0, ...tasks),
    bytesPerSecond: bytes / seconds,
  };
}

/** Listeners of what WebSockets receive. */
const sockets = new Set<(frame: { payload: string | Buffer }) => void>();

async function openConsole(browser: Browser): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
  await page.addInitScript(() => {
    const tasks: number[] = [];
    Object.assign(globalThis, { tasks });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries())
        (globalThis as unknown as { tasks: number[] }).tasks.push(duration);
    }).observe({ type: "longtask" as "measure" }); // Chromium has it, Node does not
  });
  page.on("websocket", (socket) =>
    socket.on("framereceived", (frame) => {
      for (const listener of sockets) listener(frame);
    }),
  );
  await page.goto(`http://127.0.0.1:${PORTS.hub}/console`);
  await page.getByText("Live", { exact: true }).waitFor();
  return page;
}

async function run(): Promise<boolean> {
  console.log(JSON.stringify(describeTestMachine()));
  await startHub();
  await connectCrowds();
  console.log(`${connections} connections and ${groups} groups on ${workers} workers`);
  const busy = keepBusy();
  const executablePath = execFileSync("sh", ["-c", "command -v chromium || command -v chromium-browser"], {
    encoding: "utf8",
  }).trim();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  let isGood = true;
  try {
    const page = await openConsole(browser);
    for (const view of VIEWS) {
      const { requestMs, slowest, requests, taskMs, bytesPerSecond } = await measure(page, view);
      const isSlow = requestMs > MAX_REQUEST_MS || taskMs > MAX_TASK_MS;
      if (isSlow) isGood = false;
      const figures = [
        `${requests} requests, slowest ${requestMs.toFixed(0)} ms (${slowest})`,
        `longest task ${taskMs > 0 ? `${taskMs.toFixed(0)} ms` : "below 50 ms"}`,
        `${(bytesPerSecond / 1_024).toFixed(1)} KiB/s`,
      ];
      console.log(`${isSlow ? "slow" : "ok  "} ${view.padEnd(18)} ${figures.join(", ")}`);
    }
  } finally {
    clearInterval(busy);
    await browser.close();
  }
  return isGood;
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} finally {
  for (const child of children.reverse()) child.kill();
}
