import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { endWithProcess } from "../../support/end-with-process.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";

const PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin`; // where both are

/** Starts HAProxy in front of a port, ended when the test is over. @returns its port */
export function startHaproxy(to: number): Promise<number> {
  return start(
    "haproxy",
    (file) => ["-db", "-f", file],
    (port) => `
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
listen hub
  bind 127.0.0.1:${port}
  server hub 127.0.0.1:${to}
`,
  );
}

/** Starts nginx with the usual lines for WebSockets in front of a port. @returns its port */
export function startNginx(to: number): Promise<number> {
  return start(
    "nginx",
    (file, directory) => ["-e", "stderr", "-p", directory, "-c", file],
    (port, directory) => `
daemon off;
master_process off;
pid ${directory}/pid;
error_log stderr crit;
events {}
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${to};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }
  }
}
`,
  );
}

async function start(
  command: string,
  argumentsOf: (file: string, directory: string) => string[],
  configuration: (port: number, directory: string) => string,
): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), `tidings-${command}-`));
  const port = await freePort();
  const file = join(directory, "configuration");
  writeFileSync(file, configuration(port, directory));
  const env = { ...process.env, PATH };
  const child = spawn(command, argumentsOf(file, directory), { env, stdio: ["ignore", "ignore", "inherit"] });
  endWithProcess(child);
  onTestFinished(async () => {
    const ended = once(child, "exit");
    child.kill();
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  await eventually(`${command} listens`, async () => {
    const socket = connect(port, "127.0.0.1");
    const open = once(socket, "connect").then(
      () => true,
      () => false,
    );
    const isOpen = await open;
    socket.destroy();
    return isOpen;
  });
  return port;
}
