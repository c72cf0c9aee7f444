/**
 * Rate limits in front of a server of node:http. The configuration is read again at SIGHUP; a wrong one is refused, and the old one stays.
 *
 *   echo '{"rate":"3-M"}' > limits.json
 *   LIMITS=limits.json node http.ts
 *   for n in $(seq 4); do curl -si localhost:3000/ | grep -iE '^(HTTP|ratelimit:)'; done
 *   echo '{"rate":"100-M"}' > limits.json && kill -HUP <the process>
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRateLimiter, httpHandler, type RateLimitConfig } from "tidings/limit";

const readLimits = (): RateLimitConfig => {
  const file = process.env.LIMITS;
  return file === undefined ? { rate: "200-M" } : JSON.parse(readFileSync(file, "utf8"));
};

const limiter = createRateLimiter(readLimits());

const server = createServer(httpHandler(limiter, (_request, response) => response.end("hello\n")));
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));

process.on("SIGHUP", () => {
  try {
    limiter.updateConfig(readLimits());
    console.log(`the rate is ${limiter.config.rate}`);
  } catch (error) {
    console.error(String(error));
  }
});

process.once("SIGTERM", async () => {
  server.close();
  await limiter.close();
});
