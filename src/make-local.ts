import type { Config } from "./config/config.ts";
import { type Connection, type DropListener, HeldBytes, Local, type SlowPolicy } from "./local/local.ts";
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

/** Share of the node's budget for unsent bytes that live messages may take while replays of their channels run. */
const HELD_SHARE = 1 / 4;

/** Limits of members: connections of a user, and messages on hold during a replay. */
export function memberLimits({ websocket }: Config) {
  const { maxConnectionsPerUser: maxPerUser, perUserPolicy, onePerPlatform } = websocket;
  const { messageBufferSize: messages, maxPendingBytes: bytes, maxTotalPendingBytes } = websocket;
  return {
    rules: { maxPerUser, perUserPolicy, onePerPlatform },
    holdLimits: { messages, bytes, node: new HeldBytes(maxTotalPendingBytes * HELD_SHARE) },
  };
}
