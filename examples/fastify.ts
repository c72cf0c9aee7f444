/**
 * Tidings inside a Fastify application: the hub takes WebSockets at /ws of the application's own server, and its
 * HTTP API is mounted under /realtime.
 *
 *   node fastify.ts
 *   curl -X POST localhost:3000/greet/alice -H 'content-type: application/json' -d '{"text":"Hello"}'
 *   curl -X POST localhost:3000/realtime/ws/message -H 'content-type: application/json' \
 *     -d '{"to":"alice","type":"greeting","data":{"text":"Hello"}}'
 */
import fastify, { type FastifyInstance } from "fastify";
import { createHub } from "tidings";

const hub = createHub();
const app = fastify();

/** A plugin has its own body parsers, so this one affects the hub's routes only. */
async function realtime(routes: FastifyInstance): Promise<void> {
  // The hub reads request bodies by itself, and a body can be read only once.
  routes.removeAllContentTypeParsers();
  routes.addContentTypeParser("*", (_request, _body, done) => done(null));
  routes.all("/*", (request, reply) => {
    reply.hijack(); // from here on the answer is the hub's
    // Fastify leaves the prefix in the URL, and the hub does not know it.
    request.raw.url = request.url.slice(routes.prefix.length);
    hub.handler(request.raw, reply.raw);
  });
}

app.register(realtime, { prefix: "/realtime" });

app.post<{ Params: { user: string } }>("/greet/:user", (request) =>
  // An invalid user id throws a TidingsError, and Fastify answers with its `status`, 400.
  hub.user(request.params.user).send({ type: "greeting", data: request.body }),
);

process.once("SIGTERM", async () => {
  await hub.close(); // clients get a notice that says when to reconnect
  await app.close();
});

await app.ready();
hub.attach(app.server);
await app.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" });
console.log(app.server.address());
