/**
 * Servers without a hub, for the control of an attack: they do the least that a server can do with it. `node control.ts close 2` starts two that
 * end each socket at once, `node control.ts read 2` two of `ws` that drop what they read. It prints a URL a line.
 */
import { type AddressInfo, createServer } from "node:net";
import { WebSocketServer } from "ws";

const [kind, count] = process.argv.slice(2);

const say = ({ port }: AddressInfo): void => console.log(`ws://127.0.0.1:${port}/ws`);

function startClosing(): void {
  const server = createServer((socket) => socket.on("error", () => undefined).destroy());
  server.listen(0, "127.0.0.1", () => say(server.address() as AddressInfo));
}

function startReading(): void {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  server.on("connection", (socket) => socket.on("error", () => undefined).on("message", () => undefined));
  server.once("listening", () => say(server.address() as AddressInfo));
}

for (let index = 0; index < Number(count); index++) (kind === "close" ? startClosing : startReading)();
