import { once } from "node:events";
import { Command } from "commander";
import type { Config } from "../../config/config.ts";
import { TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import { closeOnSignal } from "./signals.ts";

/** First message to a worker: its configuration, with its node id and port. */
export type Task = Config;

/** Message that makes a worker drain and exit. */
export const STOP = "stop";

/** Message that asks a worker for a sign of life, and its answer. */
export const PING = "ping";
export const ALIVE = "alive";

/** Message of a worker that cannot start: the supervisor prints it, once for all workers. */
export interface Failure {
  readonly failure: string;
}

/** Message of a worker that listens. */
export interface Ready {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly development: boolean;
}

/** The hidden command `worker`: one process of `tidings serve --workers`. */
export const workerCommand = (): Command => new Command("worker").action(work);

async function work(): Promise<void> {
  if (process.send === undefined) {
    throw new TidingsError("bad_request", "tidings serve --workers starts the workers: run that instead");
  }
  const [task] = (await once(process, "message")) as [Task]; // worker-slot.ts sends it first
  const { hubWith } = await import("../../create-hub.ts");
  const hub = hubWith(task);
  const closing = closeOnSignal(() => hub.close());
  process.on("message", (message) => {
    if (message === STOP) closing.begin();
    if (message === PING) process.send?.(ALIVE);
  });
  // Without a supervisor nothing would restart or stop this worker.
  process.on("disconnect", () => closing.begin());
  try {
    const { host, port, url } = await hub.listen({ reusePort: true });
    const ready: Ready = { host, port, url, development: hub.development };
    process.send(ready);
  } catch (error) {
    // The supervisor closed the hub while it waited for its backplane, so the failed start is expected.
    if (closing.hasBegun) return;
    const { code, message } = toTidingsError(error);
    // Anything unexpected is a bug, and its stack helps.
    if (code === "internal") throw error;
    const failed: Failure = { failure: message };
    process.send(failed, () => process.exit(1));
  }
}
