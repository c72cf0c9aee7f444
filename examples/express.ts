/**
 * Tidings inside an Express application: the hub takes WebSockets at /ws of the application's own server, and its
 * HTTP API is mounted under /realtime.
 *
 *   node express.ts
 *   curl -X POST localhost:3000/greet/alice -H 'content-type: application/json' -d '{"text":"Hello"}'
 *   curl -X POST localhost:3000/realtime/ws/message -H 'content-type: application/json' \
 *     -d '{"to":"alice","type":"greeting","data":{"text":"Hello"}}'
 */
import express from "express";
import { createHub } from "tidings";

const hub = createHub();
const app = express();

// Before `express.json()`: the hub reads request bodies by itself, and a body can be read only once.
// Express takes the prefix off `request.url`, so that the hub sees the paths it knows.
app.use("/realtime", hub.handler);

app.use(express.json());

app.post("/greet/:user", async (request, response) => {
  // An invalid user id throws a TidingsError, and Express answers with its `status`, 400.
  const receipt = await hub.user(request.params.user).send({ type: "greeting", data: request.body });
  response.json(receipt);
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));
hub.attach(server);

process.once("SIGTERM", async () => {
  server.close(); // no new requests; open ones continue
  await hub.close(); // clients get a notice that says when to reconnect
});
