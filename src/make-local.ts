import type { Config } from "./config/config.ts";
import { type Connection, type DropListener, Local, type SlowPolicy } from "./local/local.ts";
import type { Hooks } from "./publish/publish.ts";

function slowPolicy({ closeOnBackpressure, dropOnFull }: Config["websocket"]): SlowPolicy {
  if (closeOnBackpressure) return "close";
  return dropOnFull ? "drop" : "wait";
}

/** Makes the part that holds the connections. @param missed is told of a connection that misses stored messages */
export function makeLocal(
  { websocket }: Config,
  hooks: Hooks,
  missed: (connection: Connection) => void,
): Local {
  return new Local({
    shardCount: websocket.shardCount,
    shardsPerTurn: websocket.broadcastWorkers,
    outbox: {
      messages: websocket.messageBufferSize,
      bytes: websocket.maxPendingBytes,
      socketBytes: websocket.writeBufferSize,
      policy: slowPolicy(websocket),
      waitMs: websocket.sendTimeoutMs,
    },
    pendingBytes: websocket.maxTotalPendingBytes,
    heartbeat: {
      intervalMs: websocket.heartbeatInterval * 1_000,
      timeoutMs: websocket.connectionTimeout * 1_000,
      writeTimeoutMs: websocket.writeTimeoutMs,
      ping: websocket.enableGlobalPing,
      shardsPerStep: websocket.pingWorkers,
    },
    compression: { level: websocket.compressionLevel, threshold: websocket.compressionThreshold },
    missed,
    drops: dropListener(hooks),
  });
}

const dropListener = (hooks: Hooks): DropListener => ({
  get isHeard() {
    return hooks.has("dropped");
  },
  tell: (connection, messages) => hooks.emit("dropped", { connection, messages }),
});
