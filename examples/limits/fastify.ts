/**
 * Rate limits in a Fastify application: keys of `perRouteRates` are the patterns of its routes, and each user has an allowance.
 *
 *   node fastify.ts
 *   for n in $(seq 4); do curl -si localhost:3000/reports/$n -H 'x-user: alice' | grep -iE '^(HTTP|ratelimit:)'; done
 */
import fastify from "fastify";
import { createRateLimiter, fastifyHook } from "tidings/limit";

const limiter = createRateLimiter({
  rate: "200-M",
  perRouteRates: { "/reports/:id": "3-M" },
  identifier: "user",
  denyMessage: "Slow down, please",
});

const app = fastify();

// Your application finds the user by a session or a token, never by what a client may write.
app.addHook("onRequest", fastifyHook(limiter, { user: ({ headers }) => String(headers["x-user"] ?? "") }));

app.get<{ Params: { id: string } }>("/reports/:id", ({ params }) => ({ report: params.id }));

process.once("SIGTERM", async () => {
  await app.close();
  await limiter.close();
});

await app.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" });
console.log(app.server.address());
