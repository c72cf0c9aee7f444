import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocketServer } from "ws";
import { machineUs } from "../../src/loadtest/measure/clock.ts";
import type { Plan } from "../../src/loadtest/plan.ts";
import { parseTarget } from "../../src/loadtest/target.ts";
import { LoadWorker } from "../../src/loadtest/worker/load-worker.ts";
import { eventually } from "../support/eventually.ts";
import { planFor } from "./plans.ts";

/** A process of the load tester whose two clients are connected to a server. */
async function startWorker(
  part: Partial<Plan> = {},
): Promise<{ worker: LoadWorker; server: WebSocketServer }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const { target } = await parseTarget(`ws://127.0.0.1:${address.port}`, undefined);
  const plan = planFor({
    scenario: "echo",
    targets: [target],
    connections: 2,
    template: "{marker}",
    ...part,
  });
  const worker = new LoadWorker(() => () => Promise.resolve(undefined));
  worker.prepare({ plan, worker: 0, originUs: machineUs(), credentials: { type: "development" } });
  onTestFinished(async () => {
    await worker.disconnect();
    server.close();
  });
  await worker.connect({ fromUs: 0 });
  expect(worker.snapshot({ forget: false })).toMatchObject({ open: 2, pending: 0 });
  return { worker, server };
}

const cutAll = ({ clients }: WebSocketServer): void => {
  for (const each of clients) each.terminate();
};

const pendingOf = (worker: LoadWorker): number => worker.snapshot({ forget: false }).pending;

/** How many clients have failed by now. */
const failedOf = (worker: LoadWorker): number => worker.tally().totals.failed;

describe("a process of the load tester", () => {
  it("counts clients that cannot come back as failed, whether given up or still trying", async () => {
    for (const { connectTimeoutMs, pending } of [
      { connectTimeoutMs: 300, pending: 0 },
      { connectTimeoutMs: 60_000, pending: 2 },
    ]) {
      const { worker, server } = await startWorker({ connectTimeoutMs });
      server.close();
      cutAll(server);
      await eventually("both clients have failed", () => failedOf(worker) === 2);
      await eventually("they wait for nothing, or to come back", () => pendingOf(worker) === pending);
      expect(failedOf(worker)).toBe(2);
    }
  });

  it("lets clients that break after the last message come back, and shows the break", async () => {
    const { worker, server } = await startWorker();
    worker.sent();
    cutAll(server);
    await eventually("both clients are back", () => worker.tally().totals.reconnects === 2);
    expect(failedOf(worker)).toBe(0);
    expect(Object.values(worker.tally().ends)).toEqual([2]);
  });

  it("does not miss what clients that were away did not get when it is stopped", async () => {
    const { worker, server } = await startWorker();
    worker.expect({ sent: [{ stream: 0, next: 3, excused: [], forgotten: 0 }] });
    expect(worker.missing()).toBe(3);
    server.close();
    cutAll(server);
    await eventually("both clients are away", () => failedOf(worker) === 2);
    worker.stop();
    expect(worker.missing()).toBe(0);
  });
});
