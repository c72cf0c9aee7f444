/**
 * Two nodes behind nginx, tied together by Redis, until Ctrl-C:
 *
 *   npx node start.ts [ip-hash | least-conn] [--free-ports]
 *
 * Redis is started too, unless REDIS_URL names one. A node that ends is started again, so that you may end it.
 * Settings of the nodes come from the environment, as ever: LOG_LEVEL=debug, JWT_SECRET=… Without JWT_SECRET and API_KEY
 * both are made for this run: behind a proxy there is no development mode.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeCertificate, PORTS, type Ports, writeConfiguration } from "./nginx.ts";
import { Program, Service } from "./program.ts";

const BALANCES = ["ip-hash", "least-conn"];

const { values, positionals } = parseArgs({
  options: { "free-ports": { type: "boolean", default: false } },
  allowPositionals: true,
});
const [balance = "ip-hash"] = positionals;
const ports = values["free-ports"] ? await freePorts() : PORTS;
/** Configuration, certificate, and temporary files. */
const directory = mkdtempSync(join(tmpdir(), "tidings-cluster-"));
/** Of both nodes, so that each accepts what the other one has signed. */
const keys = { JWT_SECRET: givenOrMade("JWT_SECRET"), API_KEY: givenOrMade("API_KEY") };
/** Running programs, in the order in which they were started. */
const running: (Program | Service)[] = [];
let isStopping = false;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(0));
try {
  if (!BALANCES.includes(balance)) throw new Error(`expected ${BALANCES.join(" or ")}, not ${balance}`);
  const redis = process.env.REDIS_URL ?? (await startRedis());
  await Promise.all([startNode("a", ports.a, redis), startNode("b", ports.b, redis)]);
  await startNginx();
  console.log(`The cluster is up, with ${balance}.

  WebSocket  ws://127.0.0.1:${ports.nginx}/ws?token=…
  with TLS   wss://127.0.0.1:${ports.tls}/ws?token=…
  ready      http://127.0.0.1:${ports.nginx}/ready
  node a     http://127.0.0.1:${ports.a}/
  node b     http://127.0.0.1:${ports.b}/
  files      ${directory}

Other terminals need the keys of this run:

  export JWT_SECRET=${keys.JWT_SECRET} API_KEY=${keys.API_KEY}
`);
} catch (error) {
  await fail(error instanceof Error ? error.message : String(error));
}

function givenOrMade(name: string): string {
  return process.env[name] || randomBytes(32).toString("hex");
}

async function startRedis(): Promise<string> {
  // Redis writes nothing to disk: its data end with the cluster.
  const nothingOnDisk = ["--save", "", "--appendonly", "no", "--dir", directory];
  const args = ["--bind", "127.0.0.1", "--port", `${ports.redis}`, ...nothingOnDisk];
  await start("redis", "redis-server", args, "Ready to accept connections");
  return `redis://127.0.0.1:${ports.redis}`;
}

async function startNode(name: string, port: number, redis: string): Promise<void> {
  const source = join(import.meta.dirname, "../../src/cli/main.ts");
  const [command, ...args] = existsSync(source) ? [process.execPath, source] : ["tidings"];
  const address = ["--host", "127.0.0.1", "--port", `${port}`];
  assertWanted();
  const service = new Service({
    name,
    command,
    args: [...args, "serve", "--json", "--node-id", name, "--node-ip", "127.0.0.1", ...address],
    // Not flags: the list of processes would show what is secret.
    env: { REDIS_URL: redis, ...keys },
  });
  running.push(service);
  await service.start('"event":"listening"');
}

async function startNginx(): Promise<void> {
  writeConfiguration(directory, ports);
  makeCertificate(directory);
  const configuration = join(directory, `${balance}.conf`);
  // Started as root, nginx works as another user, who has to reach the temporary files.
  chmodSync(directory, 0o711);
  const args = ["-e", "stderr", "-p", directory, "-c", configuration, "-g", "daemon off;"];
  await start("nginx", "nginx", args, "start worker process");
}

/** Starts a program that the others need, and waits for a line with this text. */
async function start(name: string, command: string, args: readonly string[], text: string): Promise<void> {
  assertWanted();
  // nginx is often in a directory that is not on the user's path.
  const env = { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin` };
  const program = new Program({ name, command, args, env });
  running.push(program);
  await program.prints(text);
  void program.ended.then((how) => fail(`${name} has ended: ${how}`));
}

/** Throws after `stop`: nothing would end a program that starts then. */
function assertWanted(): void {
  if (isStopping) throw new Error("stopped");
}

async function fail(message: string): Promise<void> {
  if (isStopping) return;
  console.error(`error: ${message}`);
  await stop(1);
}

/** Stops all programs: the nodes first, so that they drain while nginx and Redis are there. Twice: at once. */
async function stop(code: number): Promise<void> {
  const signal = isStopping ? "SIGKILL" : "SIGTERM";
  isStopping = true;
  const nodes = running.filter((each) => each instanceof Service);
  const rest = running.filter((each) => each instanceof Program);
  await Promise.all(nodes.map((node) => node.stop(signal)));
  await Promise.all(rest.map((program) => program.stop(signal)));
  rmSync(directory, { recursive: true, force: true });
  process.exit(code);
}

/** Ports that nobody listens on: all are taken before the first is given back, so that they differ. */
async function freePorts(): Promise<Ports> {
  const entries = Object.keys(PORTS).map(async (name) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { name, server, port: (server.address() as AddressInfo).port }; // a TCP server's address is never a path
  });
  const taken = await Promise.all(entries);
  await Promise.all(taken.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  return { ...PORTS, ...Object.fromEntries(taken.map(({ name, port }) => [name, port])) };
}
