/** Tidings with the defaults of `createHub()`, except settings that would disturb a measurement. */
import { createHub } from "../../src/index.ts";
import { UNREACHED_LIMITS } from "../limits/limits.ts";
import type { BenchData } from "../rig/rig.ts";
import { collectGarbage, host } from "../rig/rig.ts";

const hub = createHub({
  logLevel: "warn", // the other servers log no line per connection
  ...UNREACHED_LIMITS, // the clients of a bench are too fast
  websocket: { heartbeatInterval: 600, connectionTimeout: 1_200 }, // the other servers send no heartbeats
});
const { port } = await hub.listen({ port: 0, host: "127.0.0.1" });

const message = (data: BenchData, stored: boolean) => ({ type: "bench", data, ephemeral: !stored });

// Receipts are not awaited. One that fails ends the process, and with it the bench.
await host({
  port,
  broadcast: (data, stored) => void hub.broadcast(message(data, stored)),
  send: (user, data, stored) => void hub.user(user).send(message(data, stored)),
  collectGarbage,
});
