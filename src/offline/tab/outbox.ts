import {
  type Client,
  type Outgoing,
  type Receipt,
  TidingsError,
  type Unsubscribe,
} from "../../client/client.ts";
import { badRequest, encodeJson, Subscriptions } from "../../protocol/protocol.ts";
import { randomName, withResolvers } from "../browser.ts";
import { type Failure, IN_DOUBT, type ToHost, type ToTabs } from "../bus.ts";
import { type Entry, knownForMs, type OutboxLimits, oldFailures, type Store } from "../store.ts";

/** A stored message that has no receipt yet. */
export interface OutboxMessage<Declared = Record<string, unknown>> {
  /** Its idempotency key. */
  readonly key: string;
  readonly message: Outgoing<Declared>;
  /** `queued`: it waits for a connection. `sending`: the server may have it. `failed`: it is not sent any more. */
  readonly state: "queued" | "sending" | "failed";
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Why it failed: the server's refusal, or `timeout` when the server may have stored it, too long ago to ask. */
  readonly error?: TidingsError;
}

/** A message of any tab that the server has. */
export interface SentMessage<Declared = Record<string, unknown>> {
  readonly key: string;
  readonly message: Outgoing<Declared>;
  readonly receipt: Receipt;
}

/** The stored messages of all tabs of a user that have no receipt yet. */
export interface Outbox<Declared = Record<string, unknown>> {
  /** The oldest first. Another array after each change. */
  readonly messages: readonly OutboxMessage<Declared>[];
  /** Where the messages are kept: in `memory` they end with the page. */
  readonly storage: "indexeddb" | "memory";
  /** Listens to changes of the messages and of the storage. */
  subscribe(listener: () => void): Unsubscribe;
  /** Listens to the receipts of messages of all tabs, those of earlier visits too. */
  onSent(listener: (sent: SentMessage<Declared>) => void): Unsubscribe;
  /** Sends a failed message again, with its key. */
  retry(key: string): Promise<void>;
  /** Removes a message. One that is `sending` may have been stored. */
  remove(key: string): Promise<void>;
}

/** Sends with the SDK itself, without a place to keep the message. */
export type PlainSend = Client["send"];

/** A call of `send` without its receipt. */
interface Waiting {
  readonly entry: Entry;
  readonly receipt: Promise<Receipt>;
  /** The message was put into the store, and nobody knows of its end yet. */
  isKept: boolean;
  resolve(receipt: Receipt): void;
  reject(error: unknown): void;
}

export interface TabOutboxOptions {
  /** Undefined where nothing is kept. */
  readonly store: Store | undefined;
  readonly limits: OutboxLimits;
  readonly send: PlainSend;
  /** Age after which the server may have forgotten the key of a message, in milliseconds. */
  readonly repeatWithinMs: number;
  /** Tells the host. */
  tell(frame: ToHost): void;
  /** Tells the other tabs. */
  share(frame: ToTabs): void;
}

/** The outbox as one tab sees it: it writes messages, and learns of their end from the host. */
export class TabOutbox implements Outbox {
  readonly #options: TabOutboxOptions;
  readonly #changes = new Subscriptions<() => void>();
  readonly #sent = new Subscriptions<(sent: SentMessage) => void>();
  readonly #waiting = new Map<string, Waiting>();
  /** Messages that have no other place. */
  readonly #inMemory = new Map<string, Entry>();
  readonly #store: Store | undefined;
  #storage: "indexeddb" | "memory" | undefined;
  /** The present host reads the store. */
  #isRead = true;
  #kept: readonly Entry[] = [];
  #messages: readonly OutboxMessage[] = [];
  #closedBy: unknown;

  constructor(options: TabOutboxOptions) {
    this.#options = options;
    this.#store = options.store;
    void this.refresh();
  }

  get messages(): readonly OutboxMessage[] {
    return this.#messages;
  }

  get storage(): "indexeddb" | "memory" {
    return (this.#isRead && this.#storage) || "memory";
  }

  subscribe(listener: () => void): Unsubscribe {
    return this.#changes.add(listener);
  }

  onSent(listener: (sent: SentMessage) => void): Unsubscribe {
    return this.#sent.add(listener);
  }

  /** Keeps a message, and resolves with its receipt. */
  async send(message: Outgoing<Record<string, unknown>>, signal: AbortSignal | undefined): Promise<Receipt> {
    const entry = entryOf(message);
    signal?.throwIfAborted();
    if (this.#closedBy) throw this.#closedBy;
    const same = this.#waiting.get(entry.key);
    if (same) return same.receipt;
    if (!this.#store || !this.#isRead) return this.#sendPlainly(entry, signal);
    const waiting = this.#wait(entry, signal);
    try {
      await this.#store.add(entry, this.#options.limits);
      this.#storage = "indexeddb";
    } catch (error) {
      if (error instanceof TidingsError) waiting.reject(error);
      else if (!this.#closedBy) {
        // Whatever the browser says, of its quota or of a database that is gone, the message can still be sent.
        this.#storage = "memory";
        this.#sendPlainly(entry, signal).then(waiting.resolve, waiting.reject);
      }
      return waiting.receipt;
    }
    waiting.isKept = true;
    await this.#announce();
    return waiting.receipt;
  }

  async retry(key: string): Promise<void> {
    const entry = this.#inMemory.get(key);
    if (entry) return void (await this.#sendPlainly({ ...entry, error: undefined }));
    await this.#update(key, (each) =>
      each.error ? { ...each, error: undefined, triedAt: undefined } : each,
    );
  }

  async remove(key: string): Promise<void> {
    this.#waiting.get(key)?.reject(errorOf(REMOVED));
    if (this.#inMemory.delete(key)) return this.#show();
    await this.#store?.remove(key, this.#options.repeatWithinMs);
    await this.#announce();
    // The call may wait in another tab.
    this.#options.share({ kind: "failed", key, error: REMOVED });
  }

  /** Takes what the host, or another tab, tells of the outbox. */
  heard(frame: ToTabs): void {
    if (frame.kind === "sent") {
      const { key, receipt } = frame;
      this.#waiting.get(key)?.resolve(receipt);
      // The host passes on what a tab has given it.
      this.#tellSent({ key, receipt, message: frame.message as Outgoing<Record<string, unknown>> });
    }
    if (frame.kind === "failed") this.#waiting.get(frame.key)?.reject(errorOf(frame.error));
    if (frame.kind === "outbox") void this.refresh();
    if (frame.kind === "opened") this.#isRead = frame.keeps;
    if (frame.kind === "hello" || frame.kind === "opened") void this.#catchUp();
  }

  /** Reads the messages anew. */
  async refresh(): Promise<void> {
    const kept = await this.#store?.change((entries) => entries).catch(() => undefined);
    if (kept) {
      this.#kept = kept;
      this.#storage ??= "indexeddb";
    }
    this.#show();
  }

  /** Rejects all calls. Kept messages stay: another tab, or the next visit, sends them. */
  close(error: unknown): void {
    this.#closedBy = error;
    for (const { reject } of this.#waiting.values()) reject(error);
  }

  #wait(entry: Entry, signal: AbortSignal | undefined): Waiting {
    const { key } = entry;
    const { promise: receipt, resolve, reject } = withResolvers<Receipt>();
    const abort = (): void => {
      reject(signal?.reason);
      // One that was given to the connection stays: the server may have it.
      this.#update(key, (each) => (each.triedAt ? each : undefined)).catch(() => {});
    };
    signal?.addEventListener("abort", abort);
    const done = (): void => {
      this.#waiting.delete(key);
      waiting.isKept = false;
      signal?.removeEventListener("abort", abort);
    };
    receipt.then(done, done);
    const waiting: Waiting = { entry, receipt, isKept: false, resolve, reject };
    this.#waiting.set(key, waiting);
    return waiting;
  }

  /** Learns what became of messages while this page was frozen. */
  async #catchUp(): Promise<void> {
    // Those that are kept by now are among the messages that are read next, or have come to an end.
    const waiting = [...this.#waiting.values()].filter(({ isKept }) => isKept);
    await this.refresh();
    const kept = new Map(this.#kept.map((each) => [each.key, each]));
    const removed = waiting[0] && (await this.#store?.removed().catch(() => undefined));
    for (const each of waiting) {
      const { key, createdAt } = each.entry;
      const now = kept.get(key);
      if (now?.error) each.reject(errorOf(now.error));
      // An earlier message may have had this key.
      else if ((removed?.get(key) ?? -1) >= createdAt) each.reject(errorOf(REMOVED));
      else if (!now && each.isKept) this.#askFor(each);
    }
  }

  /** Asks for the receipt of a message that was sent: the server answers a repeated key with the first one, while it knows the key. */
  #askFor(waiting: Waiting): void {
    const { entry, resolve, reject } = waiting;
    // Once is enough: the SDK repeats it after a reconnect.
    waiting.isKept = false;
    const leftMs = knownForMs(entry.createdAt, this.#options.repeatWithinMs);
    if (leftMs <= 0) {
      reject(errorOf(IN_DOUBT));
      return;
    }
    const signal = AbortSignal.timeout(leftMs);
    this.#sendPlainly(entry, signal).then(resolve, (error) =>
      reject(signal.aborted ? errorOf(IN_DOUBT) : error),
    );
  }

  async #sendPlainly(entry: Entry, signal?: AbortSignal): Promise<Receipt> {
    const { key } = entry;
    const message = { ...entry.message, key } as Outgoing<Record<string, unknown>>; // the key adds nothing else
    this.#inMemory.set(key, { ...entry, triedAt: Date.now() });
    this.#show();
    try {
      const receipt = await this.#options.send(message, { signal });
      this.#inMemory.delete(key);
      this.#tellSent({ key, message, receipt });
      return receipt;
    } catch (cause) {
      const { code, message: text } = cause as TidingsError; // or the reason of a signal, whose code may be a number
      if (this.#inMemory.delete(key) && typeof code === "string")
        this.#inMemory.set(key, { ...entry, error: { code, message: text } });
      for (const old of oldFailures([...this.#inMemory.values()])) this.#inMemory.delete(old.key);
      throw cause;
    } finally {
      this.#show();
    }
  }

  async #update(...given: Parameters<Store["update"]>): Promise<void> {
    await this.#store?.update(...given);
    await this.#announce();
  }

  async #announce(): Promise<void> {
    this.#options.tell({ kind: "outbox" });
    this.#options.share({ kind: "outbox" });
    await this.refresh();
  }

  #tellSent(sent: SentMessage): void {
    for (const { listener } of this.#sent.list) listener(sent);
  }

  #show(): void {
    this.#messages = [...this.#kept, ...this.#inMemory.values()].map(shown);
    for (const { listener } of this.#changes.list) listener();
  }
}

/** @throws TidingsError `bad_request` for data that JSON would lose or change, and for an audience that is undefined */
function entryOf(message: Outgoing<Record<string, unknown>>): Entry {
  for (const name of ["to", "group"] as const) {
    if (name in message && message[name] === undefined) throw badRequest(`${name}: expected an id`);
  }
  const text = encodeJson(message.data);
  const kept = { ...message, data: JSON.parse(text) as unknown };
  return { key: message.key ?? randomName(), message: kept, createdAt: Date.now(), bytes: text.length };
}

function shown({ key, message, createdAt, triedAt, error }: Entry): OutboxMessage {
  const state = error ? "failed" : triedAt ? "sending" : "queued";
  // Only messages of `send` are kept.
  const sent = { key, message: message as OutboxMessage["message"], state, createdAt } as const;
  return error ? { ...sent, error: errorOf(error) } : sent;
}

const REMOVED: Failure = { code: "unavailable", message: "removed from the outbox" };

const errorOf = ({ code, message }: Failure): TidingsError => new TidingsError(code, message);
