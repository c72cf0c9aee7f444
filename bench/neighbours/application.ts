/**
 * An application that embeds the hub and limits its own HTTP requests by a header: `node application.ts <id> <Redis of the hub> [Redis of the limiter]`.
 * Without the second Redis the limiter counts in this process. It prints its WebSocket URL.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHub } from "../../src/index.ts";
import { createRateLimiter, httpHandler, redisStore } from "../../src/limit/limit.ts";

const [id = "", redis = "", store] = process.argv.slice(2);

const limiter = createRateLimiter({
  rate: "10-M",
  identifier: "header",
  store: store === undefined ? "memory" : redisStore({ url: store }),
});
const hub = createHub({ node: { id }, redis, overload: { loopPercent: 0 }, logLevel: "error" });
const server = createServer(httpHandler(limiter, (_request, response) => response.end("ok")));
hub.attach(server);
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo; // of a server that listens to a port
  console.log(`ws://127.0.0.1:${port}/ws`);
});
