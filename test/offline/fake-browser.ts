import { onTestFinished } from "vitest";
import type { LockManager, LockOptions, Platform } from "../../src/offline/browser.ts";
import { type OfflineClient, offlineClient } from "../../src/offline/offline-client.ts";
import type { OfflineOptions } from "../../src/offline/options.ts";
import { OfflineSession } from "../../src/offline/session.ts";
import { serveTabs, type WorkerScope } from "../../src/offline/worker.ts";
import { FakeDatabases } from "./fake-database.ts";

/** A tab that a test opened. */
export interface FakeTab {
  readonly client: OfflineClient;
  /** The data of all messages, as they came. */
  readonly heard: unknown[];
  readonly statuses: string[];
  /** Lets the page hear an event. */
  fire(type: string): void;
  /** Closes the page, as a browser does. */
  leave(): void;
}

/** Web Locks of one browser. */
export class FakeLocks {
  readonly #held = new Map<string, { release: (error?: unknown) => void; waiting: (() => void)[] }>();

  /** Grants later, as browsers do. */
  readonly manager: LockManager = {
    request: (name, options, held) =>
      new Promise((resolve, reject) => {
        const grant = (): void => this.#grant(name, held, resolve, reject);
        setTimeout(() => this.#ask(name, options, grant, reject));
      }),
  };

  #ask(
    name: string,
    { steal, signal }: LockOptions,
    grant: () => void,
    reject: (error: unknown) => void,
  ): void {
    const lock = this.#held.get(name);
    if (!lock) grant();
    else if (steal) {
      this.#held.delete(name);
      grant();
      this.#held.get(name)?.waiting.push(...lock.waiting);
      lock.release(new Error("AbortError"));
    } else {
      lock.waiting.push(grant);
      signal?.addEventListener("abort", () => {
        lock.waiting = lock.waiting.filter((each) => each !== grant);
        reject(signal.reason);
      });
    }
  }

  #grant(
    name: string,
    held: () => unknown,
    resolve: (value: unknown) => void,
    reject: (e: unknown) => void,
  ): void {
    const lock = {
      waiting: [] as (() => void)[],
      release: (error?: unknown) => {
        if (error) return reject(error);
        resolve(undefined);
        if (this.#held.get(name) !== lock) return;
        this.#held.delete(name);
        const [next, ...others] = lock.waiting;
        next?.();
        this.#held.get(name)?.waiting.push(...others);
      },
    };
    this.#held.set(name, lock);
    const failed = (error: unknown): void => {
      reject(error);
      lock.release();
    };
    new Promise((done) => done(held())).then(() => lock.release(), failed);
  }
}

/** One browser profile, as far as tabs share it. */
export class FakeBrowser {
  readonly databases = new FakeDatabases();
  readonly #locks = new FakeLocks();
  #worker: WorkerScope | undefined;
  /** What a SharedWorker has in place of what tabs have. */
  ofWorker: Partial<Platform> = {};

  /** The factory of the SharedWorker, which runs in this process. */
  readonly worker = (): ReturnType<NonNullable<OfflineOptions["worker"]>> => {
    if (!this.#worker) {
      this.#worker = { ...this.#platform(), document: undefined, ...this.ofWorker };
      serveTabs(this.#worker);
    }
    const port = { onmessage: null as ((event: { data: unknown }) => void) | null };
    this.#worker.onconnect?.({ ports: [port] } as never);
    return {
      port: { postMessage: (data) => setTimeout(() => port.onmessage?.({ data: structuredClone(data) })) },
      addEventListener: () => {},
    };
  };

  open(url: string, options: OfflineOptions, without: Partial<Platform> = {}): FakeTab {
    const listeners = new Map<string, Set<(event: { type: string }) => void>>();
    const session = new OfflineSession(
      url,
      { reconnect: { minMs: 10, maxMs: 50 }, ...options },
      {
        ...this.#platform(),
        addEventListener: (type, listener) =>
          listeners.set(type, (listeners.get(type) ?? new Set()).add(listener)),
        removeEventListener: (type, listener) => listeners.get(type)?.delete(listener),
        ...without,
      },
    );
    const client = offlineClient<Record<string, unknown>>(session);
    const [heard, statuses]: [unknown[], string[]] = [[], []];
    client.on("*", ({ data }) => heard.push(data));
    client.onStatus(({ type }) => statuses.push(type));
    const fire = (type: string): void => {
      for (const listener of listeners.get(type) ?? []) listener({ type });
    };
    onTestFinished(() => client.close());
    return { client, heard, statuses, fire, leave: () => fire("pagehide") };
  }

  #platform(): Platform {
    const storage = new Map<string, string>();
    return {
      document: {},
      navigator: { locks: this.#locks.manager },
      BroadcastChannel: globalThis.BroadcastChannel as unknown as Platform["BroadcastChannel"],
      indexedDB: this.databases,
      sessionStorage: {
        getItem: (key) => storage.get(key) ?? null,
        setItem: (key, value) => void storage.set(key, value),
        removeItem: (key) => void storage.delete(key),
      },
    };
  }
}
