import { setImmediate, setTimeout } from "node:timers/promises";
import type { Connection, Local } from "../../local/local.ts";
import { encodeServerFrame } from "../../protocol/protocol.ts";
import { SessionState } from "./session-state.ts";

export interface DrainOptions {
  readonly local: Local;
  /** True when no WebSocket is left, and every connection has left the cluster. */
  readonly isEmpty: () => boolean;
  /** Time that clients get to receive their queue and disconnect, in milliseconds. */
  readonly limitMs: number;
  /** Clients reconnect at random moments within this time, in milliseconds. */
  readonly reconnectSpreadMs: number;
  /** Reports the failure to close one connection; the drain goes on. */
  readonly report: (error: unknown) => void;
}

/** Connections that the drain starts to close in one turn of the event loop. */
const BATCH = 512;

/** Interval at which the drain looks for new connections and for its end. */
const CHECK_MS = 10;

/** A walk through all connections is followed by a pause so many times as long: with a million the walks would leave the node no time to close them. */
const WALK_PAUSE = 9;

/** Time that connections get to leave the cluster, after the drain has cut them at the deadline. */
const LEAVE_MS = 5_000;

/**
 * Closes every connection of the node: writes its send queue, tells the client when to reconnect, closes. At the
 * deadline the drain cuts the connections that are left. Resolves when every connection has left the cluster, or {@link
 * LEAVE_MS} after the deadline.
 */
export async function drainConnections(options: DrainOptions): Promise<void> {
  const { local, isEmpty, limitMs, reconnectSpreadMs, report } = options;
  const dismiss = (connection: Connection): void => {
    const state = connection.attached(SessionState);
    if (state.isLeaving) return;
    state.isLeaving = true;
    closeDrained(connection, reconnectSpreadMs).catch(report);
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
  const deadline = performance.now() + limitMs;
  while (!isDone() && performance.now() < deadline) {
    const startedAt = performance.now();
    for (const connection of local.connections()) act(connection);
    const now = performance.now();
    const pause = Math.max(CHECK_MS, (now - startedAt) * WALK_PAUSE);
    await setTimeout(Math.max(0, Math.min(pause, deadline - now)));
  }
}

function cut(connection: Connection): void {
  connection.close("drain"); // so that metrics count it as this cause, not as `lost`
  connection.terminate();
}

/**
 * Sends the notice and closes. A slow consumer first gets its queue, for as long as the drain lasts, because the
 * closing handshake would leave it only two seconds.
 */
async function closeDrained(connection: Connection, reconnectSpreadMs: number): Promise<void> {
  connection.enqueuePosted();
  await connection.whenDrained();
  if (connection.state !== "open") return;
  const reconnectMs = Math.round(Math.random() * reconnectSpreadMs);
  const message = "the node is closing, please reconnect";
  connection.send(encodeServerFrame({ event: "notice", code: "drain", message, reconnectMs }));
  connection.close("drain");
}
