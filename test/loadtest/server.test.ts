import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { ServerWatch } from "../../src/loadtest/server/server.ts";

/** @returns the address of a server: `127.0.0.1:8080` */
async function startServer(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `127.0.0.1:${address.port}`;
}

/** Why the metrics at a URL could not be read. */
async function problemOf(url: string): Promise<string | undefined> {
  const watch = new ServerWatch("http://target", url, "a key of the API", () => 0);
  await watch.read();
  return watch.report(1).problem;
}

describe("the metrics of a server", () => {
  it("are not followed elsewhere, where the key would go too", async () => {
    const seen: unknown[] = [];
    const elsewhere = await startServer((request, response) => {
      seen.push(request.headers["x-api-key"]);
      response.end("process_cpu_seconds_total 1");
    });
    const here = await startServer((_, response) => {
      response.writeHead(302, { location: `http://${elsewhere}/metrics` }).end();
    });
    expect(await problemOf(`http://${here}/metrics`)).toBe(`http://${here}/metrics answered HTTP 302`);
    expect(seen).toEqual([]);
  });

  it("are named without user, password and query where they cannot be read", async () => {
    const here = await startServer((_, response) => response.writeHead(404).end());
    expect(await problemOf(`http://${here}/m?token=secret`)).toBe(`http://${here}/m answered HTTP 404`);
    for (const url of [`http://user:se@secret@${here}/m?token=secret`, "http://[host/?secret"]) {
      const problem = await problemOf(url);
      expect(problem).toMatch(/^http:.+: .+/);
      expect(problem).not.toContain("secret");
    }
  });
});
