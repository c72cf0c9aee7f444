import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeCertificate } from "../../examples/cluster/nginx.ts";
import { Cluster } from "../cluster/support/cluster.ts";
import { run } from "../package/build.ts";
import { endWithProcess } from "../support/end-with-process.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { needs } from "../support/tools.ts";
import { ADMIN_PATH, DEPLOY } from "./programs.ts";

needs("haproxy");
needs("nginx");
needs("openssl");

/** A directory with a certificate, as HAProxy wants it: with its key in one file. */
function directoryWithCertificate(): string {
  const directory = mkdtempSync(join(tmpdir(), "tidings-deploy-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  makeCertificate(directory);
  const parts = ["certificate.pem", "certificate.key"].map((name) =>
    readFileSync(join(directory, name), "utf8"),
  );
  writeFileSync(join(directory, "tidings.pem"), parts.join(""));
  return directory;
}

/** haproxy.cfg with these ports, and a second port without TLS, for the SDK in Node, which trusts no such certificate. */
function haproxyFile(
  directory: string,
  ports: { tls: number; plain: number; nodes: readonly number[] },
): string {
  const nodes = [...ports.nodes];
  const text = readFileSync(join(DEPLOY, "haproxy/haproxy.cfg"), "utf8")
    .replace("bind :443", `bind 127.0.0.1:${ports.plain}\n  bind 127.0.0.1:${ports.tls}`)
    .replace("/etc/haproxy", directory)
    .replace("maxconn 100000", "maxconn 100") // a test may not open as many files
    .replace(/ {2}(user|group) haproxy\n/g, "") // nor be anybody else
    .replace(/10\.0\.0\.1\d:8080/g, () => `127.0.0.1:${nodes.shift()}`);
  const file = join(directory, "haproxy.cfg");
  writeFileSync(file, text);
  return file;
}

test("nginx takes the configuration of the compose file", async () => {
  const directory = directoryWithCertificate();
  const file = join(directory, "nginx.conf");
  const text = readFileSync(join(DEPLOY, "compose/nginx.conf"), "utf8");
  // The names of the nodes are known in the network of the compose file only, and older versions know no `resolve`.
  const local = text.replace(/node(\d:\d+) resolve/g, "127.0.0.$1").replace(/ *resolver .*\n/, "");
  writeFileSync(file, `pid ${directory}/pid;\n${local}`);
  const { stderr } = await run("nginx", ["-e", "stderr", "-p", directory, "-c", file, "-t"], {
    env: { PATH: ADMIN_PATH },
  });
  expect(stderr).toContain("test is successful");
});

test("behind HAProxy a node that closes is red at /ready first: newcomers go elsewhere, clients follow, nothing stored is lost", async () => {
  await using redis = await RedisServer.start();
  const env = { SHUTDOWN_DELAY_MS: "8000", TRUST_PROXY: "127.0.0.1" };
  await using cluster = await Cluster.start(redis, env, 2);
  const directory = directoryWithCertificate();
  const ports = {
    tls: await freePort(),
    plain: await freePort(),
    nodes: cluster.nodes.map(({ port }) => port),
  };
  const child = spawn("haproxy", ["-db", "-f", haproxyFile(directory, ports)], {
    env: { ...process.env, PATH: ADMIN_PATH },
    stdio: ["ignore", "ignore", "inherit"],
  });
  endWithProcess(child);
  onTestFinished(async () => {
    child.kill();
    if (child.exitCode === null) await once(child, "exit");
  });
  const url = `ws://127.0.0.1:${ports.plain}/ws`;
  const ready = () => statusOf(ports.tls, "/ready");
  await eventually("HAProxy answers over TLS", async () => (await ready().catch(() => 0)) === 200);
  expect(await statusOf(ports.tls, "/stats")).toBe(404);
  const clients = await Promise.all(
    ["ada", "bob", "cia", "dan"].map((user) => cluster.client(user, { url })),
  );
  await eventually("both nodes have clients", async () =>
    (await Promise.all(cluster.nodes.map((node) => node.get("/stats")))).every(
      ({ body }) => body.connections > 0,
    ),
  );

  const stopping = cluster.n1.stop();
  await eventually("n1 is red", async () => (await cluster.n1.get("/ready")).status === 503);
  await cluster.n2.post("/ws/broadcast", { type: "n", data: "while n1 closes" });
  // HAProxy looks every 2 s. Until then n1 takes newcomers, because it has not begun to drain.
  const newcomers = await Promise.all(["eva", "fay"].map((user) => cluster.client(user, { url })));
  expect(await stopping).toBe(0);
  await cluster.n2.post("/ws/broadcast", { type: "n", data: "after" });
  for (const client of clients) await client.until(() => client.received.length === 2);

  expect(clients.map(({ received }) => received)).toEqual(clients.map(() => ["while n1 closes", "after"]));
  for (const client of [...clients, ...newcomers]) {
    expect(client.all("closed").every(({ code }) => code === 4000)).toBe(true);
  }
  await eventually("all are on n2", async () => (await cluster.n2.get("/stats")).body.connections === 6);
});

/** The status of an answer over TLS, whoever signed the certificate. */
function statusOf(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}
