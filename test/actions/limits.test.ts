import { expect, onTestFinished, test } from "vitest";
import { ClientLimits } from "../../src/actions/limits/client.ts";
import { Limits } from "../../src/actions/limits/limits.ts";
import type { Connection } from "../../src/local/local.ts";

const OFF = {
  whitelistCIDRs: [],
  apiKeyRate: "off",
  connectsPerAddress: "off",
  loginsPerAddress: "off",
  loginsPerUser: "off",
  messagesPerConnection: "off",
  messagesPerUser: "off",
  messagesPerAddress: "off",
  actionsPerUser: {},
  refusalsPerConnection: "off",
  refusalsPerAddress: "off",
};

/** Keeps the event loop from its timers. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test.each(["messagesPerConnection", "messagesPerUser", "messagesPerAddress"])(
  "a client that has waited as it was told is not refused by a clock that stands still: %s",
  (name) => {
    const limits = new Limits({ ...OFF, [name]: "1-S" });
    onTestFinished(() => limits.stop());
    const state = new ClientLimits();
    // The part of a connection that limits look at.
    const client = { user: "alice", address: "192.0.2.1", attached: () => state } as unknown as Connection;
    expect(limits.message(client)).toBeUndefined();
    const { retryAfterMs = 0 } = limits.message(client) ?? {};
    expect(retryAfterMs).toBeGreaterThan(0);
    block(retryAfterMs);
    expect(limits.message(client)).toBeUndefined();
  },
);
