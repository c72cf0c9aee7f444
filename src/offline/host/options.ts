import type { ConnectOptions } from "../../client/client.ts";
import type { LockManager } from "../browser.ts";
import type { OpenBus, Sharing } from "../bus.ts";
import type { Store } from "../store.ts";

export interface HostOptions {
  /** Name of the group of tabs, of its channels and locks. */
  readonly group: string;
  readonly url: string;
  /** The only user whose messages these tabs may get. */
  readonly user: string;
  /** Options of the client, without those of a page. */
  readonly client: ConnectOptions;
  /** The tabs are asked for tokens: a SharedWorker cannot call their function. */
  readonly asksTabs: boolean;
  readonly repeatWithinMs: number;
  readonly sharing: Sharing;
  /** Undefined where nothing is kept. */
  readonly store: Store | undefined;
  readonly openBus: OpenBus;
  readonly locks: LockManager | undefined;
  /** Called when the user has logged out, or the session is over: the next login needs another host. */
  over(): void;
}
