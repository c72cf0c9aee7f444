import { createHub, type HubOptions } from "../../../src/index.ts";
import type { Question } from "./hub-process.ts";

/**
 * A hub in a process of its own, so that its memory is not the test's and a crash is seen as one. Questions come as IPC
 * messages; an uncaught exception or an unhandled rejection ends the process, as Node does by itself.
 */
const options: HubOptions = JSON.parse(process.argv[2] ?? "{}");
const hub = createHub({ logLevel: "silent", ...options });
const failures: string[] = [];
hub.on("error", ({ stage, error }) =>
  failures.push(`${stage}: ${error instanceof Error ? error.stack : error}`),
);
const { url } = await hub.listen({ port: 0, host: "127.0.0.1" });

const answers: Record<Question["ask"], (question: Question) => unknown> = {
  memory: stableMemory,
  rss: () => process.memoryUsage.rss(),
  failures: () => failures,
  publish: async ({ user = "", type = "n", data, count = 1 }) => {
    for (let n = 0; n < count; n++) await hub.user(user).send({ type, data });
  },
  count: () => hub.presence.count(),
  close: () => hub.close(),
};

/**
 * Bytes in use after collection. Collects twice: the first collection runs finalizers, the second frees their objects.
 */
async function stableMemory(): Promise<number> {
  for (let round = 0; round < 2; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

process.on("message", async (question: Question) => {
  const answer = await answers[question.ask](question);
  process.send?.({ id: question.id, answer });
});
process.on("disconnect", () => void hub.close());
process.send?.({ url });
