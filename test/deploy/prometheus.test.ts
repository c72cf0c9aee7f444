import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { connect } from "../../src/client/client.ts";
import { endWithProcess } from "../support/end-with-process.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { API_KEY, SECRET } from "../support/keys.ts";
import { NodeProcess } from "../support/nodes/nodes.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { needs } from "../support/tools.ts";
import { DEPLOY } from "./programs.ts";

needs("prometheus");

const METRICS_KEY = "a-key-for-prometheus-only";
const stack = new AsyncDisposableStack();
let node: NodeProcess;
let url: string;

/** A node on Redis that has done a little of everything, and the Prometheus of the compose file, which scrapes it. */
beforeAll(async () => {
  const redis = stack.use(await RedisServer.start());
  const keys = { JWT_SECRET: SECRET, API_KEY, API_KEYS: `read:${METRICS_KEY}` };
  const env = { REDIS_URL: redis.url, GRPC_PORT: "0", ...keys };
  node = stack.use(await NodeProcess.start("n1", env));
  await useSome(node);
  url = await startPrometheus(node.port);
});
afterAll(() => stack.disposeAsync());

async function useSome({ port, url }: NodeProcess): Promise<void> {
  const post = async (path: string, body: unknown): Promise<{ token: string }> => {
    const headers = { "content-type": "application/json", "x-api-key": API_KEY };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    return (await (await fetch(`http://127.0.0.1:${port}${path}`, init)).json()) as { token: string }; // of one route
  };
  const client = connect(url, { token: (await post("/tokens", { user: "ada" })).token });
  await client.ready;
  await client.request("robot.ping");
  await post("/ws/message", { to: "ada", type: "n", data: 1 });
  await post("/ws/message", { to: "ada", type: "n", data: 1, ephemeral: true });
  client.close();
  await fetch(`http://127.0.0.1:${port}/ws?token=none`, { headers: { upgrade: "websocket" } }).catch(
    () => undefined,
  );
  // The reading itself makes garbage.
  await eventually("the node has collected garbage", async () => {
    const read = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { "x-api-key": API_KEY } });
    return (await read.text()).includes("nodejs_gc_duration_seconds_sum");
  });
}

async function startPrometheus(node: number): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "tidings-prometheus-"));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const config = parse(readFileSync(join(DEPLOY, "compose/prometheus.yml"), "utf8"));
  // A scrape may take as long as the interval, so on a busy machine it is not too short.
  config.global = { scrape_interval: "5s", evaluation_interval: "1s" };
  config.rule_files = [join(DEPLOY, "prometheus/alerts.yaml")];
  const [job] = config.scrape_configs;
  job.authorization.credentials_file = join(directory, "metrics-key");
  job.static_configs = [{ targets: [`127.0.0.1:${node}`] }];
  writeFileSync(job.authorization.credentials_file, METRICS_KEY);
  const file = join(directory, "prometheus.yml");
  writeFileSync(file, stringify(config));
  const port = await freePort();
  const listen = `--web.listen-address=127.0.0.1:${port}`;
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${join(directory, "data")}`, listen];
  const child = spawn("prometheus", [...args, "--log.level=error"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  endWithProcess(child);
  stack.defer(async () => {
    child.kill();
    if (child.exitCode === null) await once(child, "exit");
  });
  const origin = `http://127.0.0.1:${port}`;
  await eventually("Prometheus answers", () =>
    fetch(`${origin}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return `${origin}/api/v1`;
}

// biome-ignore lint/suspicious/noExplicitAny: the test looks into it and would fail on what it does not find
type Answer = any;

const ask = async (path: string, query: Record<string, string> = {}): Promise<Answer> =>
  (await fetch(`${url}${path}?${new URLSearchParams(query)}`)).json();

/** The series that a query finds now. @throws Error with what Prometheus says about a wrong query */
async function series(query: string): Promise<unknown[]> {
  const { status, error, data } = await ask("/query", { query });
  if (status !== "success") throw new Error(`${query}: ${error}`);
  return data.result;
}

const dashboard = JSON.parse(readFileSync(join(DEPLOY, "grafana/tidings.json"), "utf8"));
const queries: string[] = dashboard.panels
  .flatMap(({ targets = [] }: Answer) => targets)
  .map(({ expr }: Answer) => expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m"));

/** Rules about the time that something takes. They are pending with reason while the machine runs other tests. */
const OF_THE_MACHINE = ["TidingsEventLoopLate", "TidingsPublishSlow"];

/** Names of metrics in a query. */
const metricsIn = (query: string): string[] => query.match(/\b(?:tidings|process|nodejs)_\w+|\bup\b/g) ?? [];

test("Prometheus scrapes a node with a key of the scope read", async () => {
  await eventually("the node is up", async () => (await series('up{job="tidings"} == 1')).length === 1);
  expect(await series("tidings_connects_total > 0")).toHaveLength(1);
});

test("every rule is evaluated, names metrics that exist, and stays quiet while all is well", async () => {
  const rulesOf = async (): Promise<Answer[]> =>
    (await ask("/rules")).data.groups.flatMap(({ rules }: Answer) => rules);
  await eventually("all rules were evaluated", async () =>
    (await rulesOf()).every(({ health }) => health !== "unknown"),
  );
  const rules = await rulesOf();
  expect(rules.length).toBeGreaterThanOrEqual(15);
  expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
  for (const name of rules.flatMap(({ query }) => metricsIn(query))) {
    expect(await series(`count({__name__="${name}"})`), name).toHaveLength(1);
  }
  expect(rules.filter(({ state }) => state === "firing").map(({ name }) => name)).toEqual([]);
  // Not even pending, which a rule is before its time is over.
  const pending = rules.filter(({ state }) => state === "pending").map(({ name }) => name);
  expect(pending.filter((name) => !OF_THE_MACHINE.includes(name))).toEqual([]);
});

test("every panel of the dashboard asks for metrics that exist", async () => {
  expect(queries.length).toBeGreaterThan(25);
  for (const query of queries) {
    await series(query);
    for (const name of metricsIn(query)) {
      expect(await series(`count({__name__="${name}"})`), `${name} in ${query}`).toHaveLength(1);
    }
  }
  // A rate needs two scrapes.
  const p99 = "histogram_quantile(0.99, sum by (le) (rate(tidings_publish_seconds_bucket[1m])))";
  await eventually("there is a rate", async () => (await series(p99)).length === 1);
});

test("a node that is gone sets off its alert", async () => {
  const down = 'up{job="tidings"} == 0';
  expect(await series(down)).toEqual([]);
  await node.kill();
  await eventually("Prometheus sees it", async () => (await series(down)).length === 1);
  await eventually("the alert is pending", async () =>
    (await ask("/alerts")).data.alerts.some(({ labels }: Answer) => labels.alertname === "TidingsDown"),
  );
});
