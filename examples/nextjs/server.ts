/** Next.js with a server of your own: pages and routes are Next's, WebSockets at /ws the hub's. */
import { createServer } from "node:http";
import next from "next";
import { createHub } from "tidings";
import type { Events } from "./events.ts";

const dev = process.env.NODE_ENV !== "production";
// Routes sign tokens with this secret: app/api/token/route.ts. Next runs them in this process.
process.env.JWT_SECRET ??= dev ? "only for development, not a secret" : "";
const port = Number(process.env.PORT ?? 3000);

const server = createServer();
const app = next({ dev, httpServer: server, hostname: "127.0.0.1", port });
await app.prepare();
const handle = app.getRequestHandler();
server.on("request", (request, response) => void handle(request, response));

const hub = createHub<Events>({ jwt: { secret: process.env.JWT_SECRET, audience: "my-app" } });
hub.attach(server); // Next keeps the WebSocket of its hot reload

server.listen(port, "127.0.0.1", () => console.log(server.address()));

process.once("SIGTERM", async () => {
  server.close();
  await hub.close(); // tells clients when to come back
  process.exit();
});
