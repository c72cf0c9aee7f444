/**
 * Tidings inside a Hono application on Node: the hub takes WebSockets at /ws of the application's own server, and its
 * HTTP API is mounted under /realtime.
 *
 *   node hono.ts
 *   curl -X POST localhost:3000/greet/alice -H 'content-type: application/json' -d '{"text":"Hello"}'
 *   curl -X POST localhost:3000/realtime/ws/message -H 'content-type: application/json' \
 *     -d '{"to":"alice","type":"greeting","data":{"text":"Hello"}}'
 */
import { createServer } from "node:http";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
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

// Not `serve()`: its type leaves open whether the server is one of node:http, which is where upgrades come from.
const server = createServer(getRequestListener(app.fetch));
hub.attach(server);
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));

process.once("SIGTERM", async () => {
  server.close(); // no new requests; open ones continue
  await hub.close(); // clients get a notice that says when to reconnect
});
