import { setTimeout as sleep } from "node:timers/promises";
import { answerCalls } from "../../src/loadtest/processes/calls.ts";
import { PaceServer } from "../measure/pace.ts";
import type { ServerApi } from "./api.ts";
import type { BenchData } from "./dialects.ts";
import { type Publisher, publishPaced, publishTicks } from "./publisher.ts";

/** A server under test, as its library's users would write it. */
export interface Contender extends Publisher {
  port: number;
  /** Collects garbage once. With `release` the pages that are then free go back to the system. */
  collectGarbage(release: boolean): void;
}

/** The text of a message as a program without a library would write it: the same fields as a push of Tidings. */
export function plainText(data: BenchData): string {
  return JSON.stringify({ type: "bench", data, timestamp: Date.now(), to: data.user, id: `bench-${data.n}` });
}

/**
 * Collects garbage in Node. Pages that V8 keeps in reserve afterwards (up to 100 MB after 10,000 connects) still
 * count as RSS, unless they are released.
 * @throws TypeError when it was not started with `--expose-gc`
 */
export function collectGarbage(release: boolean): void {
  if (globalThis.gc === undefined) throw new TypeError("start this server with --expose-gc");
  if (release) globalThis.gc({ type: "major", execution: "sync", flavor: "last-resort" });
  else globalThis.gc();
}

/** Runs a contender for the bench: every server is measured by this same code. */
export async function host(contender: Contender): Promise<void> {
  const pace = await PaceServer.listen();
  const runtime = process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`;
  answerCalls<ServerApi>({
    address: () => ({ port: contender.port, pacePort: pace.port, runtime }),
    publishTicks: (plan) => publishTicks(contender, pace, plan),
    publishPaced: (plan) => publishPaced(contender, plan),
    async usage({ collect }) {
      if (collect !== "no") await collectThoroughly(contender, collect === "release");
      const { user, system } = process.cpuUsage();
      return { cpuUs: user + system, rssBytes: process.memoryUsage.rss() };
    },
  });
}

/** Collects more than once: finalizers run in between, and V8 releases pages to the system a little later. */
async function collectThoroughly(contender: Contender, release: boolean): Promise<void> {
  for (let pass = 0; pass < 3; pass++) {
    contender.collectGarbage(release);
    await sleep(50);
  }
}
