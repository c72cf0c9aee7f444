import { onTestFinished } from "vitest";
import type { Listening } from "../../src/index.ts";
import { createHub, type Hub, type HubOptions } from "../../src/index.ts";
import { NEVER_OVERLOADED } from "./unlimited.ts";

export interface RunningHub {
  readonly hub: Hub<Record<string, unknown>>;
  readonly at: Listening;
  /** The WebSocket URL with these query parameters. */
  url(parameters?: Record<string, string>): string;
}

/**
 * A hub of its own on a free loopback port, closed when the test is over. Quiet, quick to close, and never overloaded by how busy
 * or fast the machine is.
 */
export async function startHub(options: HubOptions = {}): Promise<RunningHub> {
  const shutdown = { drainMs: 2_000, reconnectSpreadMs: 0, ...options.shutdown };
  const overload = { ...NEVER_OVERLOADED, ...options.overload };
  const hub = createHub({ logLevel: "silent", ...options, shutdown, overload });
  const at = await hub.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => hub.close());
  const base = `${at.url.replace("http", "ws")}/ws`;
  return { hub, at, url: (parameters = {}) => `${base}?${new URLSearchParams(parameters)}` };
}
