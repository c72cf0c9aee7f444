/**
 * Rate limits in a Hono application on Node, behind a proxy on this machine: a client's own address counts, not that of the proxy.
 *
 *   node hono.ts
 *   for n in $(seq 4); do curl -si localhost:3000/search -H 'x-forwarded-for: 203.0.113.7' | grep -iE '^(HTTP|ratelimit:)'; done
 */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { createRateLimiter, honoMiddleware } from "tidings/limit";

const limiter = createRateLimiter({
  rate: "200-M",
  perRouteRates: { "/search": "3-M" },
  trustProxy: ["127.0.0.1"],
});

const app = new Hono();

app.use(honoMiddleware(limiter));

app.get("/search", (context) => context.json({ found: [] }));

const server = createServer(getRequestListener(app.fetch));
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));

process.once("SIGTERM", async () => {
  server.close();
  await limiter.close();
});
