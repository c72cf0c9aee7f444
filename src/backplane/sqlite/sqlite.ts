import { TidingsError } from "../../protocol/protocol.ts";
import { LocalNode } from "../local-node.ts";
import { ABILITIES, type Backplane, createHealth } from "../port.ts";
import { singleNode } from "../single/single.ts";
import type { HistoryLimits } from "./history/limits.ts";
import { openStore, type Store } from "./store.ts";

export {
  type Checked,
  checkData,
  exportData,
  type Imported,
  type ImportOptions,
  importData,
} from "./transfer/transfer.ts";

export interface SqliteOptions {
  /** Directory of the file. It is made when it is missing. */
  readonly directory: string;
  /** Retention per channel, and the limit on the size of all. */
  readonly history: HistoryLimits;
  /** `full`: a publish also survives a crash of the operating system. @default "normal" */
  readonly sync?: "normal" | "full";
  /** Lifetime of an idempotency key, in milliseconds. @default 300_000 // 5 min */
  readonly idempotencyWindowMs?: number;
  /** Grace period of a user without a connection before `offline`, in milliseconds. @default 5_000 // 5 s */
  readonly graceMs?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/**
 * Backplane of a single node whose histories, cursors, memberships, blocks, changed settings and idempotency keys are in a file of
 * SQLite, and outlive the process. `start` rejects with `conflict` while another process uses the directory, or when the file is of a
 * newer version, and with `unavailable` when it is damaged or cannot be written.
 */
export function sqliteBackplane(options: SqliteOptions): Backplane {
  const now = options.now ?? Date.now;
  const node = new LocalNode();
  const health = createHealth();
  let opened: Store | undefined;
  const store = (): Store => {
    if (opened !== undefined) return opened;
    node.assertStarted();
    throw new TidingsError("unavailable", "the backplane was stopped");
  };
  const single = singleNode(node, keptParts(store, options.graceMs));
  return {
    name: "sqlite",
    ...forwarded(store),
    routes: single.routes,
    presence: single.presence,
    rooms: single.rooms,
    cluster: single.cluster,
    now,
    health,
    async start(info, sink) {
      node.start(info, sink);
      try {
        opened = openStore({ ...options, now, node, health });
      } catch (error) {
        node.stop();
        throw error;
      }
      health.able(true, ...ABILITIES);
      opened.settings.tell(single.restore);
    },
    async stop() {
      const last = opened;
      // From here on calls are refused. What waits is written, and told.
      opened = undefined;
      try {
        await last?.close();
      } finally {
        health.able(false, ...ABILITIES);
        node.stop();
        single.stop();
      }
    },
    // A change and its commit are the round trip of a file.
    probe: async () => store().probe(),
  };
}

/** The parts of the port that the file implements. They exist before it is open, and after it was closed. */
function forwarded(
  store: () => Store,
): Pick<Backplane, "broker" | "idempotency" | "cursors" | "memberships"> {
  return {
    broker: {
      relay: () => 0, // a single node has no other nodes
      tally: () => undefined,
      append(message, key) {
        try {
          return store().broker.append(message, key);
        } catch (error) {
          return Promise.reject(error);
        }
      },
      edit: async (edit) => store().broker.edit(edit),
      history: async (channel, query) => store().broker.history(channel, query),
      positions: async (channels) => store().broker.positions(channels),
      listen: async () => void store(), // every message passes this node
      unlisten: async () => void store(),
    },
    idempotency: {
      begin: async (key, receipt) => store().idempotency.begin(key, receipt),
      complete: async (key, receipt) => store().idempotency.complete(key, receipt),
    },
    cursors: {
      read: async (user, device, channels) => store().cursors.read(user, device, channels),
      move: async (user, device, channel, to) => store().cursors.move(user, device, channel, to),
      watch: async (channel) => store().cursors.watch(channel),
    },
    memberships: {
      add: async (group, user) => store().memberships.add(group, user),
      remove: async (group, user) => store().memberships.remove(group, user),
      has: async (group, user) => store().memberships.has(group, user),
      groupsOf: async (user) => store().memberships.groupsOf(user),
      membersOf: async (group) => store().memberships.membersOf(group),
    },
  };
}

const keptParts = (store: () => Store, graceMs = 5_000): Parameters<typeof singleNode>[1] => ({
  durable: {
    countIn: (group) => store().memberships.countIn(group),
    isIn: (group, user) => store().memberships.isIn(group, user),
    placesIn: (group, after, limit) => store().memberships.placesIn(group, after, limit),
  },
  blocks: {
    restOf: (user) => store().blocks.restOf(user),
    page: (limit, cursor) => store().blocks.page(limit, cursor),
    set: (user, ms) => store().blocks.set(user, ms),
  },
  keepSetting: (name, value) => store().settings.keep(name, value),
  graceMs,
});
