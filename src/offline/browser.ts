/** The parts of a browser that this room uses. Not every program includes the types of browsers, and Node has few of them. */
export interface Platform {
  /** Present in pages. */
  readonly document?: object | undefined;
  readonly location?: { readonly href: string } | undefined;
  readonly navigator?: { readonly locks?: LockManager | undefined } | undefined;
  readonly BroadcastChannel?: (new (name: string) => BroadcastPort) | undefined;
  readonly indexedDB?: DatabaseFactory | undefined;
  readonly sessionStorage?: SessionStorage | undefined;
  readonly addEventListener?: PageEvents | undefined;
  readonly removeEventListener?: PageEvents | undefined;
}

type PageEvents = (type: string, listener: (event: { type: string }) => void, capture: boolean) => void;

export interface SessionStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface LockOptions {
  readonly steal?: boolean;
  readonly signal?: AbortSignal;
}

/** Web Locks. A lock is free again when its page has closed or crashed. */
export interface LockManager {
  request(name: string, options: LockOptions, held: () => unknown): Promise<unknown>;
}

export interface BroadcastPort {
  postMessage(message: unknown): void;
  close(): void;
  onmessage: ((event: never) => void) | null;
}

export interface DatabaseFactory {
  open(name: string, version: number): OpenRequest;
  deleteDatabase(name: string): DatabaseRequest<unknown> & Pick<OpenRequest, "onblocked">;
}

export interface DatabaseRequest<Result> {
  readonly result: Result;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

export interface OpenRequest extends DatabaseRequest<Database> {
  onupgradeneeded: (() => void) | null;
  onblocked: (() => void) | null;
}

export interface Database {
  createObjectStore(name: string, options?: { keyPath: string; autoIncrement: boolean }): unknown;
  transaction(stores: string, mode: "readwrite"): Transaction;
  close(): void;
  onversionchange: (() => void) | null;
  onclose: (() => void) | null;
}

export interface Transaction {
  readonly error: unknown;
  objectStore(name: string): ObjectStore;
  abort(): void;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
}

export interface ObjectStore {
  get(key: string): DatabaseRequest<unknown>;
  getAll(): DatabaseRequest<unknown>;
  put(value: unknown, key?: string): unknown;
  delete(key: number): unknown;
}

/** Reads a part that a browser may refuse to show, as it does in sandboxed frames. */
export function part<Name extends keyof Platform>(
  platform: Platform,
  name: Name,
): Platform[Name] | undefined {
  try {
    return platform[name];
  } catch {
    return undefined;
  }
}

/** A name that no other tab has. Pages without TLS have no `crypto.randomUUID`. */
export const randomName = (): string => `${Math.random()}${Math.random()}`.replaceAll("0.", "");

/** `Promise.withResolvers`, which is younger than the other things that this module needs. */
export function withResolvers<Result>(): {
  promise: Promise<Result>;
  resolve: (result: Result) => void;
  reject: (error?: unknown) => void;
} {
  let resolve!: (result: Result) => void;
  let reject!: (error?: unknown) => void;
  const promise = new Promise<Result>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}
