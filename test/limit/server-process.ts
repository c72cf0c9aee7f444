/**
 * A server with the configuration of the Go middleware on a shared Redis, for tests with several processes. It prints its port; `PUT /config`
 * changes the configuration while it runs.
 *
 *   node test/limit/server-process.ts redis://127.0.0.1:6379
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createRateLimiter, httpHandler, redisStore } from "../../src/limit/limit.ts";
import { GO_CONFIG } from "./clock.ts";

const limiter = createRateLimiter({
  ...GO_CONFIG,
  trustProxy: ["127.0.0.1"],
  store: redisStore({ url: process.argv[2] }),
  storeTimeoutMs: 30_000,
});
const limited = httpHandler(limiter, (_, response) => response.end("ok"));

const server = createServer(async (request, response) => {
  if (request.method !== "PUT") return limited(request, response);
  try {
    limiter.updateConfig(JSON.parse(await text(request)));
    response.end();
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});
server.listen(0, "127.0.0.1", () => console.log(`port ${(server.address() as AddressInfo).port}`));
