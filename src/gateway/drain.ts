import type { Connection, Local } from "../local/local.ts";
import { encodeServerFrame } from "../protocol/protocol.ts";

export interface DrainOptions {
  /** The limit of the whole, in milliseconds. */
  readonly limitMs: number;
  /** Clients are told to come back at moments spread over so many milliseconds. */
  readonly reconnectSpreadMs: number;
}

/** Connections told to leave before the event loop gets its turn. */
const BATCH = 512;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Tells every connection when to come back, writes what waits, closes, and waits until all are gone or the time is up. */
export async function drainConnections(
  local: Local,
  { limitMs, reconnectSpreadMs }: DrainOptions,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  let count = 0;
  for (const connection of [...local.connections()]) {
    sendAway(connection, reconnectSpreadMs);
    if (++count % BATCH === 0) await nextTurn();
  }
  while (local.size > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    // Logins that were under way when this began.
    for (const connection of local.connections()) sendAway(connection, reconnectSpreadMs);
  }
  for (const connection of local.connections()) connection.transport.terminate();
}

function sendAway(connection: Connection, reconnectSpreadMs: number): void {
  if (connection.state !== "open") return;
  const reconnectMs = Math.round(Math.random() * reconnectSpreadMs);
  const message = "the node is closing, please reconnect";
  connection.send(encodeServerFrame({ type: "notice", code: "drain", message, reconnectMs }));
  connection.close("drain");
}
