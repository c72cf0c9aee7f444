import type { Snapshot } from "../../../src/cli/top/top.ts";

type NodeRow = Snapshot["nodes"][number];

/** A node that has answered. */
export function nodeOf(node: string, changes: Partial<NonNullable<NodeRow["statistics"]>> = {}): NodeRow {
  const statistics = {
    since: AT - 3 * 86_400_000,
    draining: false,
    connections: 1_204,
    users: 1_100,
    groups: 45,
    rates: { received: 120, published: 80.4, delivered: 3_412, dropped: 0 },
    latency: { stored: { p50: 0.4, p99: 1.24 }, delivery: { p50: 0.5, p99: 2 } },
    queues: { bytes: 12_345_678 },
    waiting: 0,
    loop: { utilization: 34.4, delay: { p99: 12 } },
    memory: { rss: 125_829_120 },
    degraded: [],
    refusal: null,
    ...changes,
  };
  return { node, statistics };
}

/** A node that has not answered. */
export const silentNode = (node: string): NodeRow => ({
  node,
  error: { message: `node ${node} did not answer within 2000 ms` },
});

/** 14:02:11 UTC. */
export const AT = Date.UTC(2026, 0, 31, 14, 2, 11);

export const snapshotOf = (changes: Partial<Snapshot> = {}): Snapshot => ({
  at: AT,
  nodes: [nodeOf("n1"), nodeOf("n2", { connections: 7 })],
  groups: [
    { group: "lobby", messages: 120.4, deliveries: 3_400, nodes: 2 },
    { group: "tiny", messages: 0.25, deliveries: 0.5, nodes: 1 },
  ],
  connections: [
    {
      ...{ id: "yJ0pQm8cT2aXb4Zq", user: "alice", platform: "ios", node: "n1", address: "192.0.2.7" },
      connectedAt: AT - 754_000,
      queue: { bytes: 1_572_864, stalledMs: 1_530 },
    },
  ],
  incomplete: null,
  ...changes,
});
