import { type Platform, part } from "./browser.ts";
import { broadcastBus } from "./bus.ts";
import { Host } from "./host/host.ts";
import { Candidate } from "./leader.ts";
import type { GroupOptions } from "./options.ts";
import { Store } from "./store.ts";

interface ConnectEvent {
  readonly ports: readonly { onmessage: ((event: { data: GroupOptions }) => void) | null }[];
}

/** The global scope of a SharedWorker. */
export interface WorkerScope extends Platform {
  onconnect?: ((event: never) => void) | null;
}

/**
 * Holds the connections of all tabs of this browser: the script of a SharedWorker calls it, and does nothing else. It serves each user
 * apart, and keeps a connection while one of the user's tabs is open.
 *
 * @example
 * import { serveTabs } from "tidings/client/offline";
 * serveTabs();
 */
export function serveTabs(scope: object = globalThis): void {
  const worker: WorkerScope = scope;
  const candidates = new Map<string, Candidate>();
  worker.onconnect = ({ ports: [port] }: ConnectEvent) => {
    if (port) port.onmessage = ({ data }) => serve(data, worker, candidates);
  };
}

function serve(options: GroupOptions, worker: Platform, candidates: Map<string, Candidate>): void {
  const { navigator, BroadcastChannel } = worker;
  const { group } = options;
  // The tabs share nothing without these, and start no worker.
  if (!navigator?.locks || !BroadcastChannel) return;
  const { locks } = navigator;
  const openBus = broadcastBus(BroadcastChannel);
  // Tabs that come later may have another token.
  const over = (): void => {
    candidates.get(group)?.resign();
    candidates.delete(group);
  };
  const lead = (): (() => void) => {
    const factory = part(worker, "indexedDB");
    const store = factory && new Store(factory, options.database);
    const host = new Host({ ...options, sharing: "shared-worker", store, openBus, locks, over });
    return () => {
      host.stop();
      store?.close();
    };
  };
  const candidate = candidates.get(group) ?? new Candidate(() => locks, group, lead);
  candidates.set(group, candidate);
  candidate.stand();
}
