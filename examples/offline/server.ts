// A page that works offline. Open it in several tabs (?user=alice), stop this server, write a message in a tab, and start
// the server again: the message is sent once, by whichever tab is open then.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createHub } from "tidings";

const FILES: Record<string, URL> = {
  "/": new URL("index.html", import.meta.url),
  "/page.js": new URL("page.js", import.meta.url),
  "/worker.js": new URL("worker.js", import.meta.url),
  // The entry imports the SDK from beside it. A bundler puts both into the application's own file.
  "/offline.js": new URL(import.meta.resolve("tidings/client/offline")),
  "/client.js": new URL(import.meta.resolve("tidings/client")),
};

const hub = createHub();
const server = createServer(async (request, response) => {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  const file = FILES[path];
  response.setHeader("content-type", path.endsWith(".js") ? "text/javascript" : "text/html");
  response.setHeader("content-security-policy", "default-src 'self'");
  if (file) response.end(await readFile(file));
  else response.writeHead(404).end();
});
hub.attach(server); // takes WebSockets at /ws
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));
