import { Command } from "commander";
import type { WorkerApi } from "../../../loadtest/loadtest.ts";
import { TidingsError } from "../../../protocol/protocol.ts";

/** The hidden command `bench-worker`: one process of `tidings bench`, which holds a share of the clients. */
export const benchWorkerCommand = (): Command => new Command("bench-worker").action(work);

async function work(): Promise<void> {
  if (process.send === undefined)
    throw new TidingsError("bad_request", "tidings bench starts these processes: run that instead");
  // Ctrl+C reaches all processes of a terminal. The one that leads ends the others.
  process.on("SIGINT", () => {});
  const { answerCalls, LoadWorker } = await import("../../../loadtest/loadtest.ts"); // here, so that the other commands start fast
  const { tokensOf } = await import("./credentials.ts");
  answerCalls<WorkerApi>(new LoadWorker(tokensOf).calls());
}
