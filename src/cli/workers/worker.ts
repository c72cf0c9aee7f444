import { once } from "node:events";
import { Command } from "commander";
import { TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import { type MakeHub, makeServing } from "../serving.ts";
import {
  ALIVE,
  type Failure,
  PING,
  type Ready,
  STOP,
  type Task,
  type ToSupervisor,
  type ToWorker,
} from "./messages.ts";
import { closeOnSignal } from "./signals.ts";
import { WorkerReports } from "./worker-reports.ts";

/** The hidden command `worker`: one process of `tidings serve --workers`. */
export const workerCommand = (): Command => new Command("worker").action(work);

async function work(): Promise<void> {
  if (process.send === undefined) {
    throw new TidingsError("bad_request", "tidings serve --workers starts the workers: run that instead");
  }
  const [task] = (await once(process, "message")) as [Task]; // worker-slot.ts sends it first
  const { hubWith } = await import("../../create-hub.ts");
  const { config, server } = task;
  // A supervisor that has ended receives nothing: `disconnect` says so.
  const send = (message: ToSupervisor): void => void process.send?.(message, () => undefined);
  const reports = new WorkerReports(server, config.node.id ?? server, send);
  const make: MakeHub = (config, options) => hubWith(config, { ...options, workers: reports });
  const { hub, ready: isReady, close } = await makeServing(config, make);
  const closing = closeOnSignal(close);
  process.on("message", (message: ToWorker) => {
    if (message === STOP) closing.begin();
    else if (message === PING) process.send?.(ALIVE);
    else if ("report" in message) void reports.answer(message);
    else if ("collected" in message) reports.collected(message);
    else if ("limits" in message) hub.updateConfig(message);
  });
  // Without a supervisor nothing would restart or stop this worker.
  process.on("disconnect", () => closing.begin());
  try {
    await isReady;
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
