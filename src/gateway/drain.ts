import { setImmediate, setTimeout } from "node:timers/promises";
import type { Connection, Local } from "../local/local.ts";
import { encodeServerFrame } from "../protocol/protocol.ts";

export interface DrainOptions {
  readonly local: Local;
  /** No WebSocket is left: logged in, about to be, or about to leave the cluster. */
  readonly isEmpty: () => boolean;
  /** How long clients may take, in milliseconds. */
  readonly limitMs: number;
  /** Clients are told to come back at moments spread over so many milliseconds. */
  readonly reconnectSpreadMs: number;
}

/** Connections told to leave before the event loop gets its turn. */
const BATCH = 512;

/** How long those who were cut at the end may take to leave the cluster. */
const LEAVE_MS = 5_000;

/**
 * Tells every connection when to come back, writes what waits, closes, and waits until all are gone. Who is left when the
 * time is up is cut. Resolves when nobody is found on this node any more.
 */
export async function drainConnections(options: DrainOptions): Promise<void> {
  const { local, isEmpty, limitMs, reconnectSpreadMs } = options;
  const leaving = new Set<Connection>();
  const dismiss = (connection: Connection): void => {
    if (leaving.has(connection)) return;
    leaving.add(connection);
    void sendAway(connection, reconnectSpreadMs);
  };
  let count = 0;
  for (const connection of [...local.connections()]) {
    dismiss(connection);
    if (++count % BATCH === 0) await setImmediate();
  }
  // Again and again, because of logins that were under way when this began.
  await forEachUntil(local, dismiss, isEmpty, limitMs);
  await forEachUntil(local, cut, isEmpty, LEAVE_MS);
}

async function forEachUntil(
  local: Local,
  act: (connection: Connection) => void,
  isDone: () => boolean,
  limitMs: number,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!isDone() && Date.now() < deadline) {
    for (const connection of local.connections()) act(connection);
    await setTimeout(10);
  }
}

function cut(connection: Connection): void {
  connection.close("drain"); // so that it counts as this, and not as lost
  connection.transport.terminate();
}

/** From the close on a client has only two seconds, so a slow one takes what waits before, for as long as the drain lasts. */
async function sendAway(connection: Connection, reconnectSpreadMs: number): Promise<void> {
  connection.enqueuePosted();
  await connection.whenDrained();
  if (connection.state !== "open") return;
  const reconnectMs = Math.round(Math.random() * reconnectSpreadMs);
  const message = "the node is closing, please reconnect";
  connection.send(encodeServerFrame({ type: "notice", code: "drain", message, reconnectMs }));
  connection.close("drain");
}
