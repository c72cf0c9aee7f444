import { expect, onTestFinished, test, vi } from "vitest";
import { Local, type Transport } from "../../src/local/local.ts";
import { eventually } from "../support/eventually.ts";

/** A node with one silent connection. */
function silentConnection() {
  const closes: number[] = [];
  const stream = {
    write: () => true,
    cork: () => undefined,
    uncork: () => undefined,
    writableLength: 0,
    bytesRead: 0,
    readableLength: 0,
  };
  const transport: Transport = {
    stream,
    deflate: false,
    isPaused: false,
    close: (code) => void closes.push(code),
    terminate: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
  };
  const local = new Local({
    shardCount: 1,
    shardsPerTurn: 1,
    outbox: { messages: 100, bytes: 1_000_000, socketBytes: 1_000, policy: "drop", waitMs: 1 },
    heartbeat: { intervalMs: 20, timeoutMs: 100, writeTimeoutMs: 100, ping: false, shardsPerStep: 1 },
    compression: { level: 1, threshold: 1_000 },
  });
  onTestFinished(() => local.stop());
  const about = { id: "c", user: "bob", platform: "web", device: "web", node: "n", connectedAt: Date.now() };
  local.add(local.connection(about, transport));
  return closes;
}

test.each([
  ["back", -3_600_000],
  ["ahead", 3_600_000],
])("a silent connection is closed in time while the clock is set %s", async (_, ms) => {
  const closes = silentConnection();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  onTestFinished(() => void vi.useRealTimers());

  await eventually("the connection is closed", () => closes.length > 0);

  expect(closes).toEqual([4002]);
});
