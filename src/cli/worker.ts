import { once } from "node:events";
import { Command } from "commander";
import type { Config } from "../config/config.ts";
import { TidingsError } from "../protocol/protocol.ts";
import { closeOnSignal } from "./signals.ts";

/** What the supervisor sends a worker first: the configuration, with the worker's own id and port. */
export type Task = Config;

/** What the supervisor sends when the worker shall drain and end. */
export const STOP = "stop";

/** What a worker answers when it is ready. */
export interface Ready {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly development: boolean;
}

/** One of the processes of `tidings serve --workers`. */
export const workerCommand = (): Command => new Command("worker").action(work);

async function work(): Promise<void> {
  if (process.send === undefined) {
    throw new TidingsError("bad_request", "a worker is started by tidings serve --workers, not by hand");
  }
  const [task] = (await once(process, "message")) as [Task]; // the first thing that supervisor.ts sends
  const { createHub } = await import("../create-hub.ts");
  const hub = createHub(task);
  const closing = closeOnSignal(() => hub.close());
  process.on("message", (message) => {
    if (message === STOP) closing.begin();
  });
  // Without its supervisor nobody would start it again, or end it.
  process.on("disconnect", () => closing.begin());
  try {
    const { host, port, url } = await hub.listen({ reusePort: true });
    const ready: Ready = { host, port, url, development: hub.development };
    process.send(ready);
  } catch (error) {
    // Whoever closes a hub that waits for its backplane knows why it does not start.
    if (!closing.hasBegun) throw error;
  }
}
