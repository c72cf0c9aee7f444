import { connect, type Socket } from "node:net";

/**
 * Opens connections that never finish their request, in a process of its own because of the limit on open files.
 * Arguments: port, how many. Sends `{open}` when all are open, and `{cut}` when the server has ended all.
 */
const [port, count] = process.argv.slice(2).map(Number);

const BEGINNINGS = [
  "",
  "GET /w",
  "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nSec-Web",
  "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
];

/** Limit of connections in flight, because the accept queue of the kernel is short. */
const WIDTH = 256;

let begun = 0;
let open = 0;
let cut = 0;

function begin(): void {
  if (begun === count) return;
  const beginning = BEGINNINGS[begun++ % BEGINNINGS.length] ?? "";
  const socket: Socket = connect(port ?? 0, "127.0.0.1", () => {
    if (beginning !== "") socket.write(beginning);
    if (++open === count) process.send?.({ open });
    begin();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    if (++cut === count) process.send?.({ cut });
  });
  socket.resume();
}

for (let n = 0; n < WIDTH; n++) begin();
process.on("disconnect", () => process.exit());
