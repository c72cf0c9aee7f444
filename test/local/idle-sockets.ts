import { onTestFinished } from "vitest";
import { type Connection, Local, type LocalOptions, type Transport } from "../../src/local/local.ts";

/** A socket that takes everything at once, and brings nothing by itself. */
export const idleStream = () => ({
  write: (_: Uint8Array): boolean => true,
  cork: () => undefined,
  uncork: () => undefined,
  writableLength: 0,
  bytesRead: 0,
  readableLength: 0,
});

/** A WebSocket over such a socket, which is left open. */
export const idleTransport = (stream: Transport["stream"] = idleStream()): Transport => ({
  stream,
  deflate: false,
  isPaused: false,
  close: () => undefined,
  terminate: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
});

/** The connections of a node, whose send queues hold 100 messages. It stops with the test. */
export function localWith(options: Pick<LocalOptions, "heartbeat"> & Partial<LocalOptions>): Local {
  const local = new Local({
    shardCount: 1,
    shardsPerTurn: 1,
    outbox: { messages: 100, bytes: 1_000_000, socketBytes: 1_000, policy: "drop", waitMs: 1 },
    compression: { level: 1, threshold: 1_000 },
    ...options,
  });
  onTestFinished(() => local.stop());
  return local;
}

/** Makes the n-th connection of a node, that of a user of its own. */
export function connectionOf(local: Local, number: number, transport = idleTransport()): Connection {
  const about = { platform: "web", device: "web", node: "n", connectedAt: Date.now() };
  return local.connection({ id: `c${number}`, user: `u${number}`, ...about }, transport);
}
