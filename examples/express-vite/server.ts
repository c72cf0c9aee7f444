/** One HTTP server for the page, the API and the WebSockets: Express, Vite while you develop, and the hub. */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import express from "express";
import { createHub } from "tidings";
import type { Events } from "./events.ts";

const isProduction = process.env.NODE_ENV === "production";
// A secret that is made anew ends the logins at each start. Production needs one that stays.
const secret = process.env.JWT_SECRET ?? (isProduction ? "" : randomBytes(32).toString("hex"));
const hub = createHub<Events>({ jwt: { secret, audience: "my-app" } });

const app = express();
const server = createServer(app);
hub.attach(server); // takes WebSockets at /ws; Vite's own stay Vite's

app.post("/api/token", express.json(), async (request, response) => {
  const user = userOf(request);
  if (user === undefined) {
    response.sendStatus(401);
    return;
  }
  response.send(await hub.token({ user, expiresInSeconds: 900, can: { join: ["group:lobby"] } }));
});

/** Who asks. Replace this by your login: until then everyone is who they say, and in production nobody is anyone. */
function userOf(request: express.Request): string | undefined {
  return isProduction ? undefined : request.body?.user;
}

if (isProduction) {
  app.use(express.static(fileURLToPath(new URL("dist", import.meta.url))));
} else {
  const vite = await import("vite");
  const development = await vite.createServer({
    root: import.meta.dirname,
    server: { middlewareMode: true, hmr: { server } },
  });
  app.use(development.middlewares);
}

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));

process.once("SIGTERM", async () => {
  server.close();
  await hub.close(); // tells clients when to come back
  process.exit();
});
