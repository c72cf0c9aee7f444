/** Control: a plain `ws` server that sends in a loop. */
import { collectGarbage, host, plainText } from "../rig/rig.ts";
import { wsServer } from "./ws-server.ts";

const { port, server, users } = await wsServer();

await host({
  port,
  broadcast(data) {
    const text = plainText(data);
    for (const socket of server.clients) socket.send(text);
  },
  send: (user, data) => users.get(user)?.send(plainText(data)),
  collectGarbage,
});
