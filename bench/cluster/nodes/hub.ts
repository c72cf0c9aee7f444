/** A node of Tidings: a hub on Redis, as an application makes it. */
import { createHub } from "../../../src/index.ts";
import { UNREACHED_LIMITS } from "../../limits/limits.ts";
import { hostNode, nodeArgument } from "../host.ts";
import { HISTORY_COUNT, QUIET_S } from "../quiet.ts";

const { url, prefix } = nodeArgument();
const hub = createHub({
  redis: url,
  // Heartbeats of nodes and connections are not compared, so they are longer than a run.
  cluster: { prefix, heartbeatInterval: QUIET_S, nodeTimeout: 3 * QUIET_S },
  websocket: { heartbeatInterval: QUIET_S, connectionTimeout: 2 * QUIET_S },
  ...UNREACHED_LIMITS,
  history: { count: HISTORY_COUNT },
  logLevel: "error",
});
await hub.ready;
const { port } = await hub.listen({ port: 0, host: "127.0.0.1" });

// Receipts are not awaited. One that fails ends the process, and with it the bench.
await hostNode({
  port,
  send: (user, data, stored) => void hub.user(user).send({ type: "bench", data, ephemeral: !stored }),
  sendTogether: (users, data, stored) =>
    void hub.users(users).send({ type: "bench", data, ephemeral: !stored }),
});
