/** Control: the same without a library. One PUBLISH for each message; one XADD as well where it is stored. */
import { Redis } from "ioredis";
import { plainText } from "../../rig/rig.ts";
import { wsServer } from "../../servers/ws-server.ts";
import type { Arrivals } from "../arrivals.ts";
import { hostNode, nodeArgument } from "../host.ts";
import { HISTORY_COUNT } from "../quiet.ts";

const { url, prefix, hasReceivers } = nodeArgument();
const channel = `${prefix}node-b`;
const commands = new Redis(url);
const { port, users } = await wsServer();
let arrivals: Arrivals | undefined;

if (hasReceivers) {
  const subscriber = new Redis(url);
  subscriber.on("message", (_, text) => {
    const { data, to } = JSON.parse(text);
    if (arrivals === undefined) users.get(to)?.send(text);
    else arrivals.data(data);
  });
  await subscriber.subscribe(channel);
}

await hostNode({
  port,
  send(user, data, stored) {
    const text = plainText(data);
    if (stored) void commands.xadd(prefix + user, "MAXLEN", "~", HISTORY_COUNT, "*", "message", text);
    void commands.publish(channel, text);
  },
  async hold(_, held) {
    arrivals = held;
  },
});
