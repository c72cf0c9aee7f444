/**
 * Rate limits in an Express application. With REDIS_URL all processes of the application count together.
 *
 *   node express.ts
 *   for n in $(seq 12); do curl -si localhost:3000/api/v1/heavy | grep -iE '^(HTTP|ratelimit:)'; done
 */
import express from "express";
import { createRateLimiter, expressMiddleware, redisStore } from "tidings/limit";

const redis = process.env.REDIS_URL;

const limiter = createRateLimiter({
  rate: "200-M",
  perRouteRates: { "/api/v1/heavy": "10-S", "/api/v1/normal": "100-S" },
  identifier: "ip+route",
  whitelistCIDRs: ["10.0.0.0/8"],
  skipPaths: ["/health", "/metrics", "/static/"],
  store: redis === undefined ? "memory" : redisStore({ url: redis }),
  observer: { onDeny: (route, key) => console.log(`refused ${route} to ${key}`) },
});

const app = express();

// Before the parsers of bodies, so that a refused request costs nothing.
app.use(expressMiddleware(limiter));

app.get("/health", (_request, response) => {
  response.send("healthy\n");
});

app.get("/api/v1/heavy", (_request, response) => {
  response.send("done\n");
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));

process.once("SIGTERM", async () => {
  server.close();
  await limiter.close();
});
