import { setImmediate, setTimeout } from "node:timers/promises";
import type { Connection, Local } from "../../local/local.ts";
import { encodeServerFrame } from "../../protocol/protocol.ts";
import { SessionState } from "./session-state.ts";

export interface DrainOptions {
  readonly local: Local;
  /** True when no WebSocket is left, and every connection has left the cluster. */
  readonly isEmpty: () => boolean;
  /** Deadline of the clients, in milliseconds. */
  readonly limitMs: number;
  /** Clients are told to reconnect at random moments within so many milliseconds. */
  readonly reconnectSpreadMs: number;
}

/** Connections told to leave in one turn of the event loop. */
const BATCH = 512;

/** Interval at which the drain looks for new connections and for its end. */
const CHECK_MS = 10;

/** Time in which connections that were cut at the deadline may leave the cluster. */
const LEAVE_MS = 5_000;

/**
 * Closes every connection of the node: tells the client when to reconnect, writes its send queue, closes. Connections
 * that are left at the deadline are cut. Resolves when every connection has left the cluster, or {@link LEAVE_MS} later.
 */
export async function drainConnections(options: DrainOptions): Promise<void> {
  const { local, isEmpty, limitMs, reconnectSpreadMs } = options;
  const dismiss = (connection: Connection): void => {
    const state = connection.attached(SessionState);
    if (state.isLeaving) return;
    state.isLeaving = true;
    void sendAway(connection, reconnectSpreadMs);
  };
  let count = 0;
  for (const connection of [...local.connections()]) {
    dismiss(connection);
    if (++count % BATCH === 0) await setImmediate();
  }
  // Repeated, because logins that were in flight at the start become connections later.
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
    await setTimeout(CHECK_MS);
  }
}

function cut(connection: Connection): void {
  connection.close("drain"); // so that metrics count it as this cause, not as `lost`
  connection.terminate();
}

/** A closing client has two seconds left, so a slow one first gets its queue, for as long as the drain lasts. */
async function sendAway(connection: Connection, reconnectSpreadMs: number): Promise<void> {
  connection.enqueuePosted();
  await connection.whenDrained();
  if (connection.state !== "open") return;
  const reconnectMs = Math.round(Math.random() * reconnectSpreadMs);
  const message = "the node is closing, please reconnect";
  connection.send(encodeServerFrame({ type: "notice", code: "drain", message, reconnectMs }));
  connection.close("drain");
}
