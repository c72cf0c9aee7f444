import { type Client, connect, type PositionStorage, type Status, TidingsError } from "../client/client.ts";
import { type LockManager, type Platform, part, withResolvers } from "./browser.ts";
import { broadcastBus, localBus, type OpenBus, type Sharing, type ToTabs } from "./bus.ts";
import { Host } from "./host/host.ts";
import { Candidate } from "./leader.ts";
import {
  type GroupOptions,
  groupOptions,
  type OfflineOptions,
  outboxLimits,
  pageLocks,
  tabOptions,
} from "./options.ts";
import { Store } from "./store.ts";
import { Link } from "./tab/link.ts";
import { TabOutbox } from "./tab/outbox.ts";

export interface CloseOptions {
  /** The user logs out: all tabs of the user close, and what is kept for them is removed. @default false */
  readonly forget?: boolean | undefined;
}

/** Time for a worker to answer, in milliseconds. Then a tab takes its place. */
const WORKER_MS = 5_000;

/** Events before a page is frozen, and after it. */
const FREEZING = ["pagehide", "freeze"];
const THAWING = ["pageshow", "resume"];
const WAKING = ["online", "visibilitychange", ...THAWING];

/** One tab of a user: its client, its outbox, and its part in the choice of who holds the connection. */
export class OfflineSession {
  readonly client: Client;
  readonly outbox: TabOutbox;
  readonly #options: OfflineOptions;
  readonly #group: GroupOptions;
  readonly #platform: Platform;
  /** Undefined where this tab shares nothing. */
  #locks: LockManager | undefined;
  #openBus: OpenBus;
  readonly #store: Store | undefined;
  readonly #link: Link;
  readonly #candidate: Candidate;
  /** Groups that the application has joined. The SDK names others in its logins, too: those of durable memberships. */
  readonly #joined = new Set<string>();
  /** The methods of the SDK, below those of this module. */
  readonly #plain: Pick<Client, "send" | "join" | "leave" | "connect" | "close">;
  readonly #keys = new Set<string>();
  /** Ends what lasts while the page is not frozen. */
  #pause: (() => void) | undefined;
  #stopListening = (): void => {};
  #isForgotten = false;

  constructor(url: string | URL, options: OfflineOptions, platform: Platform) {
    const limits = outboxLimits(options);
    this.#options = options;
    this.#platform = platform;
    this.#group = groupOptions(url, options, platform);
    this.#locks = pageLocks(platform);
    const { BroadcastChannel } = platform;
    this.#openBus = this.#locks && BroadcastChannel ? broadcastBus(BroadcastChannel) : localBus();
    this.#link = new Link({
      group: this.#group.group,
      openBus: (name, receive) => this.#openBus(name, receive),
      token: options.token,
      joined: this.#joined,
      heard: (frame) => this.#heard(frame),
      deaf: () => this.#candidate.seize(),
    });
    this.client = connect(this.#group.url, {
      ...tabOptions(options),
      storage: this.#pageStorage(),
      WebSocket: this.#link.Socket,
    });
    // A tab that shares nothing keeps nothing: another tab would send its messages, too.
    const factory = this.#locks ? part(platform, "indexedDB") : undefined;
    this.#store = factory && new Store(factory, this.#group.database);
    this.#candidate = new Candidate(
      () => this.#locks,
      this.#group.group,
      () => this.#lead(),
    );
    const { client } = this;
    this.#plain = {
      send: client.send.bind(client),
      join: client.join.bind(client),
      leave: client.leave.bind(client),
      connect: client.connect.bind(client),
      close: client.close.bind(client),
    };
    this.outbox = new TabOutbox({
      store: this.#store,
      limits,
      repeatWithinMs: this.#group.repeatWithinMs,
      send: this.#plain.send,
      tell: (frame) => this.#link.tell(frame),
      share: (frame) => this.#link.share(frame),
    });
    client.onStatus((status) => this.#told(status));
    this.#start();
    this.#listen();
  }

  get sharing(): Sharing | undefined {
    return this.#link.sharing;
  }

  get isLeader(): boolean {
    return this.#candidate.isLeading;
  }

  send: Client["send"] = (message, options = {}) => {
    const isKept = !message.ephemeral && this.client.state !== "closed";
    if (!isKept) return this.#plain.send(message, options);
    const sent = this.outbox.send(message, options.signal);
    // A rejection that nobody awaits ends no program.
    sent.catch(() => {});
    return sent;
  };

  join: Client["join"] = (group, options) => {
    const joined = this.#plain.join(group, options);
    joined.then(
      () => this.#joined.add(group),
      () => {},
    );
    return joined;
  };

  leave: Client["leave"] = (group, options) => {
    this.#joined.delete(group);
    return this.#plain.leave(group, options);
  };

  connect: Client["connect"] = () => {
    this.#plain.connect();
    this.#link.tell({ kind: "wake" });
  };

  close = async ({ forget = false }: CloseOptions = {}): Promise<void> => {
    if (forget) {
      this.#link.forget();
      this.#forget();
      await this.#store?.clear().catch(() => {});
    }
    await this.#plain.close();
    this.#stop();
    const factory = part(this.#platform, "indexedDB");
    // Where the browser denies it, nothing was kept.
    if (forget && factory) await Store.delete(factory, this.#group.database).catch(() => {});
  };

  #start(): void {
    if (this.#pause) return;
    const { promise: alive, resolve: release } = withResolvers<void>();
    let isPaused = false;
    this.#pause = () => {
      isPaused = true;
      release();
      this.#candidate.resign();
      this.#link.stop();
    };
    const begin = (): unknown => {
      if (isPaused) return undefined;
      this.#link.start();
      this.#choose();
      return alive;
    };
    // The host learns by this lock that the tab has closed or crashed, so the tab holds it before it connects.
    if (!this.#locks) begin();
    else
      this.#locks.request(this.#link.lock, {}, begin).catch(() => {
        if (isPaused) return;
        this.#goAlone();
        begin();
      });
  }

  /** Shares nothing from now on: the browser has locks and channels, and refuses them, as it does in sandboxed frames. */
  #goAlone(): void {
    this.#locks = undefined;
    this.#openBus = localBus();
    this.#store?.close();
  }

  /** Starts the worker, or stands for election. A worker that does not start, or that ends, has the tabs in its place. */
  #choose(): void {
    const { worker } = this.#options;
    const stand = (): void => {
      if (this.#pause) this.#candidate.stand();
    };
    if (!this.#locks || !worker) {
      stand();
      return;
    }
    try {
      const shared = worker();
      shared.addEventListener("error", stand);
      shared.port.postMessage(this.#group);
      setTimeout(stand, WORKER_MS);
    } catch {
      stand();
    }
  }

  #lead(): () => void {
    const { token } = this.#options;
    const host = new Host({
      ...this.#group,
      client: { ...this.#group.client, token },
      asksTabs: false,
      sharing: this.#locks ? "leader-tab" : "alone",
      store: this.#locks && this.#store,
      openBus: this.#openBus,
      locks: this.#locks,
      // The tab learns of it, too.
      over: () => {},
    });
    return () => host.stop();
  }

  /** Listens to the page: a frozen one can hold no connection for others. */
  #listen(): void {
    const { addEventListener, removeEventListener } = this.#platform;
    const heard = ({ type }: { type: string }): void => {
      if (FREEZING.includes(type)) {
        this.#pause?.();
        this.#pause = undefined;
        return;
      }
      if (THAWING.includes(type)) this.#start();
      this.#link.tell({ kind: "wake" });
    };
    const events = [...FREEZING, ...WAKING];
    for (const event of events) addEventListener?.call(this.#platform, event, heard, true);
    this.#stopListening = () => {
      for (const event of events) removeEventListener?.call(this.#platform, event, heard, true);
    };
  }

  #heard(frame: ToTabs): void {
    if (frame.kind === "forget") {
      this.#forget();
      // A later write would make the deleted database again.
      this.#store?.close();
      void this.close();
    } else this.outbox.heard(frame);
  }

  #told(status: Status): void {
    if (status.type !== "closed" || status.willRetry) return;
    this.outbox.close(status.error ?? new TidingsError("unavailable", "the client is closed"));
    this.#stop();
  }

  #stop(): void {
    this.#stopListening();
    this.#pause?.();
    this.#pause = undefined;
    this.#store?.close();
  }

  #forget(): void {
    this.#isForgotten = true;
    for (const key of this.#keys) part(this.#platform, "sessionStorage")?.removeItem(key);
  }

  /** The positions of this tab. They are apart from those of a client that is alone. */
  #pageStorage(): PositionStorage {
    const storage = (): Platform["sessionStorage"] => this.#platform.sessionStorage;
    const own = (key: string): string => {
      this.#keys.add(`${key},tabs`);
      return `${key},tabs`;
    };
    return {
      getItem: (key) => storage()?.getItem(own(key)) ?? null,
      setItem: (key, value) => {
        if (!this.#isForgotten) storage()?.setItem(own(key), value);
      },
    };
  }
}
