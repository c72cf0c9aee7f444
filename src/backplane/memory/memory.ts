import { LocalNode } from "../local-node.ts";
import { ABILITIES, type Backplane, createHealth } from "../port.ts";
import { BlockedUsers, singleNode } from "../single/single.ts";
import { MemoryBroker } from "./broker.ts";
import { MemoryCursors } from "./cursors.ts";
import { Histories, type HistoryLimits } from "./histories.ts";
import { MemoryIdempotency } from "./idempotency.ts";
import { MemoryMemberships } from "./memberships.ts";

export interface MemoryOptions {
  /** Retention per channel, and the limit on the memory of all. */
  readonly history: HistoryLimits;
  /** Lifetime of an idempotency key, in milliseconds. @default 300_000 // 5 min */
  readonly idempotencyWindowMs?: number;
  /** Idempotency keys of a window, at most; beyond it the oldest expire early. @default 1_000_000 */
  readonly idempotencyKeys?: number;
  /** Grace period of a user without a connection before `offline`, in milliseconds. @default 5_000 // 5 s */
  readonly graceMs?: number;
  /** Milliseconds since 1970: the clock of history's age and of the idempotency window. @default Date.now */
  readonly now?: () => number;
}

/** Backplane of a single node: all state is in this process and ends with it. A backplane starts once. */
export function memoryBackplane(options: MemoryOptions): Backplane {
  const { history, idempotencyWindowMs = 300_000, idempotencyKeys = 1_000_000, graceMs = 5_000 } = options;
  const now = options.now ?? Date.now;
  const node = new LocalNode();
  const health = createHealth();
  const histories = new Histories(history, now, (channel, position) => node.sink.lost(channel, position));
  const keys = { windowMs: idempotencyWindowMs, limit: idempotencyKeys, now };
  const idempotency = new MemoryIdempotency(node, keys);
  const memberships = new MemoryMemberships(node);
  const single = singleNode(node, {
    durable: memberships,
    blocks: new BlockedUsers(now),
    keepSetting: async () => undefined, // it ends with the process
    graceMs,
  });
  return {
    name: "memory",
    broker: new MemoryBroker(node, histories, idempotency),
    idempotency,
    cursors: new MemoryCursors(node, histories),
    memberships,
    routes: single.routes,
    presence: single.presence,
    rooms: single.rooms,
    cluster: single.cluster,
    now,
    health,
    async start(info, sink) {
      node.start(info, sink);
      health.able(true, ...ABILITIES);
    },
    async stop() {
      health.able(false, ...ABILITIES);
      node.stop();
      single.stop();
    },
    // Publish and receive are one function call here, so a message to itself would prove nothing.
    probe: async () => node.assertStarted(),
  };
}
