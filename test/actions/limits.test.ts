import { expect, onTestFinished, test, vi } from "vitest";
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

test("a user who sends faster than twice the rate is read with pauses, on all connections, and nobody else", () => {
  // Time that stands still: a machine that stops for 0.1 s would end the pause.
  const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now());
  onTestFinished(() => clock.mockRestore());
  // 600 ms a message would be the pace of the rate; 1 ms is the longest.
  const limits = new Limits({ ...OFF, messagesPerUser: "2000-H" });
  onTestFinished(() => limits.stop());
  const clientOf = (user: string) => {
    const state = new ClientLimits();
    return { user, attached: () => state, attachment: () => state } as unknown as Connection;
  };
  const send = (client: Connection, count: number): void => {
    for (let sent = 0; sent < count; sent++) limits.message(client);
  };
  const [eve, other, bob] = [clientOf("eve"), clientOf("eve"), clientOf("bob")];
  send(eve, 1_000);
  expect(limits.pauseMs(eve)).toBe(0);
  send(other, 100);
  send(bob, 1_000);
  expect(limits.pauseMs(eve)).toBeGreaterThan(0);
  expect(limits.pauseMs(eve)).toBeLessThanOrEqual(100);
  expect(limits.pauseMs(other)).toBeGreaterThan(0);
  expect(limits.pauseMs(bob)).toBe(0);

  limits.update(OFF);
  const carol = clientOf("carol");
  send(carol, 2_000);
  expect(limits.pauseMs(carol)).toBe(0);
});
