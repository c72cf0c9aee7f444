import { expect, onTestFinished, test, vi } from "vitest";
import type { LocalOptions } from "../../src/local/local.ts";
import { eventually } from "../support/eventually.ts";
import { connectionOf, idleStream, idleTransport, localWith } from "./idle-sockets.ts";

/**
 * A node with connections that send nothing but answers to pings.
 * @param answers whether they do
 * @returns the node, and the codes with which it has closed connections
 */
function nodeWith(count: number, heartbeat: LocalOptions["heartbeat"], answers: boolean) {
  const closes: number[] = [];
  const local = localWith({ heartbeat });
  for (let number = 0; number < count; number++) {
    const stream = idleStream();
    stream.write = () => {
      if (answers) stream.bytesRead += 6;
      return true;
    };
    const transport = { ...idleTransport(stream), close: (code: number) => void closes.push(code) };
    local.add(connectionOf(local, number, transport));
  }
  return { local, closes };
}

test.each([
  ["back", -3_600_000],
  ["ahead", 3_600_000],
])("a silent connection is closed in time while the clock is set %s", async (_, ms) => {
  const heartbeat = { intervalMs: 20, timeoutMs: 100, writeTimeoutMs: 100, ping: false, shardsPerStep: 1 };
  const { closes } = nodeWith(1, heartbeat, false);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  onTestFinished(() => void vi.useRealTimers());

  await eventually("the connection is closed", () => closes.length > 0);

  expect(closes).toEqual([4002]);
});

test("a node that is too busy to look at all in time closes nobody who answers, and the silent ones later", async () => {
  const heartbeat = { intervalMs: 100, timeoutMs: 200, writeTimeoutMs: 200, ping: true, shardsPerStep: 1 };
  const answering = nodeWith(20_000, heartbeat, true);
  const silent = nodeWith(1, heartbeat, false);
  const until = performance.now() + 1_500;
  // Turns of 50 ms: a walk takes five of them at least, which is longer than the timeout.
  while (performance.now() < until) {
    const turn = performance.now() + 50;
    while (performance.now() < turn);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(answering.closes).toEqual([]);
  await eventually("the silent connection is closed", () => silent.closes.length > 0);
});
