import { MemoryBroker } from "./memory-broker.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { MemoryCursors } from "./memory-cursors.ts";
import { MemoryIdempotency } from "./memory-keys.ts";
import { MemoryLink } from "./memory-link.ts";
import { MemoryMemberships } from "./memory-memberships.ts";
import { MemoryPresence } from "./memory-presence.ts";
import { type HistoryLimits, Rings } from "./memory-rings.ts";
import type { Backplane } from "./port.ts";

export interface MemoryOptions {
  /** Retention per channel, and the bound on all of it. */
  readonly history: HistoryLimits;
  /** How long a publish is remembered by its key, in milliseconds. @default 300_000 // 5 min */
  readonly idempotencyWindowMs?: number;
  /** How many publishes are remembered at most; beyond it the oldest are forgotten early. @default 1_000_000 */
  readonly idempotencyKeys?: number;
  /** How long a user may be without a connection before `offline`, in milliseconds. @default 5_000 // 5 s */
  readonly graceMs?: number;
  /** Milliseconds since 1970: the clock of history's age and of the idempotency window. @default Date.now */
  readonly now?: () => number;
}

/**
 * The backplane of a single node: everything is kept in this process and ends with it. It does not come back
 * after `stop`.
 */
export function memoryBackplane(options: MemoryOptions): Backplane {
  const { history, idempotencyWindowMs = 300_000, idempotencyKeys = 1_000_000, graceMs = 5_000 } = options;
  const now = options.now ?? Date.now;
  const link = new MemoryLink();
  const rings = new Rings(history, now, (channel, position) => link.sink.lost(channel, position));
  const keys = { windowMs: idempotencyWindowMs, limit: idempotencyKeys, now };
  const idempotency = new MemoryIdempotency(link, keys);
  const presence = new MemoryPresence(link, graceMs);
  return {
    name: "memory",
    broker: new MemoryBroker(link, rings, idempotency),
    idempotency,
    routes: presence,
    cursors: new MemoryCursors(link, rings),
    memberships: new MemoryMemberships(link),
    presence,
    cluster: new MemoryCluster(link),
    start: async (node, sink) => link.start(node, sink),
    async stop() {
      link.stop();
      presence.stop();
    },
    // There is nothing between publish and receive that could be away: a message would only prove the call itself.
    probe: async () => link.assertUp(),
  };
}
