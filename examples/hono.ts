/**
 * Tidings inside a Hono application on Node: the hub takes WebSockets at /ws of the application's own server, and its
 * HTTP API is mounted under /realtime.
 *
 *   node hono.ts
 *   curl -X POST localhost:3000/greet/alice -H 'content-type: application/json' -d '{"text":"Hello"}'
 *   curl -X POST localhost:3000/realtime/ws/message -H 'content-type: application/json' \
 *     -d '{"to":"alice","type":"greeting","data":{"text":"Hello"}}'
 */
import { type HttpBindings, serve } from "@hono/node-server";
import { Hono } from "hono";
import { createHub, TidingsError } from "tidings";

const hub = createHub();
const app = new Hono();

// `mount` takes the prefix off the URL, so that the hub sees the paths it knows. The hub needs the address of the peer:
// in development mode it answers this machine only.
app.mount("/realtime", (request, env: HttpBindings) => hub.fetch(request, env.incoming.socket.remoteAddress));

app.post("/greet/:user", async (context) => {
  const user = hub.user(context.req.param("user"));
  return context.json(await user.send({ type: "greeting", data: await context.req.json() }));
});

// An invalid user id, for example, throws a TidingsError, whose `status` is the HTTP status.
app.onError((error) => {
  const { status, message } = error instanceof TidingsError ? error : { status: 500, message: "sorry" };
  return Response.json({ error: message }, { status });
});

const port = Number(process.env.PORT ?? 3000);
const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, (address) => console.log(address));
hub.attach(server); // takes WebSockets at /ws, and nothing else

process.once("SIGTERM", async () => {
  server.close(); // no new requests; open ones continue
  await hub.close(); // clients get a notice that says when to reconnect
});
