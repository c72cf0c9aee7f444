import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Hub } from "../../../src/index.ts";
import { Program } from "../../examples/program.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { needs } from "../../support/tools.ts";

needs("nginx");

/** An nginx that passes everything on from an address of its own, and adds the address that it has seen. */
const server = (port: number, own: string, to: number): string => `
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${to};
      proxy_bind ${own};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }`;

/** Starts two proxies before a hub, 127.0.0.2 and 127.0.0.3. @returns the port of the first one */
async function startProxies(hubPort: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "tidings-nginx-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [first, second] = [await freePort(), await freePort()];
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(directory, kind)};`,
  );
  const servers = server(first, "127.0.0.2", second) + server(second, "127.0.0.3", hubPort);
  const configuration = join(directory, "nginx.conf");
  writeFileSync(
    configuration,
    `pid ${join(directory, "nginx.pid")}; error_log stderr; daemon off; worker_processes 1; events {}
     http { access_log off; ${temporary.join(" ")} ${servers} }`,
  );
  const env = { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin` }; // where nginx is
  new Program("nginx", ["-e", "stderr", "-p", directory, "-c", configuration], { env });
  await eventually("nginx listens", async () => {
    const socket = connect(first, "127.0.0.1");
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    return isOpen;
  });
  return first;
}

/** Addresses of the connections that a hub has seen, in their order. */
function addressesAt(hub: Hub<Record<string, unknown>>): (string | undefined)[] {
  const seen: (string | undefined)[] = [];
  hub.on("connect", ({ connection }) => void seen.push(connection.address));
  return seen;
}

it("a client behind two trusted nginx is known and counted by its own address, whatever it claims", async () => {
  const { hub, at } = await startHub({
    auth: { mode: "token", authenticate: async ({ token = "" }) => ({ user: token }) },
    trustProxy: ["127.0.0.2", "127.0.0.3"],
    limits: { connectsPerAddress: "2-H", whitelistCIDRs: [] },
  });
  const seen = addressesAt(hub);
  const port = await startProxies(at.port);
  const url = `ws://127.0.0.1:${port}/ws?token=t`;
  const refusalOf = async (options: object): Promise<number> => {
    const peer = new Peer(url, options);
    const [, response] = await once(peer.socket, "unexpected-response");
    peer.end();
    return response.statusCode;
  };
  await connectPeer(url, { localAddress: "127.0.0.7" });
  await connectPeer(url, { localAddress: "127.0.0.7", headers: { "x-forwarded-for": "203.0.113.1" } });
  for (const claimed of ["203.0.113.2", "127.0.0.8", "127.0.0.2, 127.0.0.3", "unknown"]) {
    const headers = { "x-forwarded-for": claimed };
    expect(await refusalOf({ localAddress: "127.0.0.7", headers })).toBe(429);
  }
  await connectPeer(url, { localAddress: "127.0.0.8" });
  expect(seen).toEqual(["127.0.0.7", "127.0.0.7", "127.0.0.8"]);
});
