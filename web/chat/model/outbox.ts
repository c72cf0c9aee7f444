import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { TidingsError } from "../../../src/client/client.ts";
import { StoredList } from "../../shared/shared.ts";
import type { Written } from "./wire.ts";

/** An own message that the server has not confirmed yet. */
export interface Pending {
  /** Its idempotency key: sent twice, it is stored once. */
  readonly key: string;
  readonly group: string;
  readonly data: Written;
  /** Milliseconds since 1970, by this machine's clock. */
  readonly writtenAt: number;
  /** When it was first sent without a reply. */
  readonly triedAt?: number | undefined;
  /** Newest offset of the conversation at that time: if it was stored then, it is after this one. */
  readonly after?: number | undefined;
  /** Why it is not sent. The user decides what becomes of it. */
  readonly failure?: string | undefined;
}

/** Where the server has stored a message. */
export interface Stored {
  readonly id: string;
  readonly offset: number;
  readonly timestamp: number;
}

/** Keeps what the user writes until the server has it: over losses of the connection, and over reloads of the page. */
export interface Outbox {
  /** Oldest first, of all tabs of the user. */
  readonly pending: ReadonlySignal<readonly Pending[]>;
  add(group: string, data: Written): void;
  /** Sends a failed message again. */
  retry(message: Pending): void;
  discard(message: Pending): void;
  /** Sends what waits, because there is a connection. */
  flush(): void;
  /** Forgets everything that waits. */
  clear(): void;
  close(): void;
}

export interface OutboxPorts {
  /** Sends a message. Rejects with `unavailable` or `timeout` when it is not known whether it arrived. */
  readonly send: (message: Pending) => Promise<Stored>;
  /** Shows a message that the server has. */
  readonly sent: (message: Pending, stored: Stored) => void;
  /** Newest offset of a conversation. */
  readonly newest: (group: string) => number;
  readonly isOnline: () => boolean;
}

/** Idempotency window of a server by default. A message that was tried earlier is not sent again by itself: it might be stored twice. */
const REPEATABLE_MS = 290_000;

/** Time after which a message is sent again that the server had no time for. */
const RETRY_MS = 2_000;

/** An outbox in the browser's storage. Tabs send the same messages when they are back: the server stores each once. */
export class LocalOutbox implements Outbox {
  readonly #ports: OutboxPorts;
  readonly #list: StoredList<Pending>;
  /** Messages that the browser did not take. They stay in this tab. */
  readonly #unstored = new Map<string, Pending>();
  readonly #pending: Signal<readonly Pending[]> = signal([]);
  readonly #working = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(user: string, ports: OutboxPorts) {
    this.#ports = ports;
    this.#list = new StoredList(`tidings.chat.out.${encodeURIComponent(user)}.`, isPending, () =>
      this.#changed(),
    );
    this.#changed();
  }

  get pending(): ReadonlySignal<readonly Pending[]> {
    return this.#pending;
  }

  add(group: string, data: Written): void {
    this.#save({ key: randomKey(), group, data, writtenAt: Date.now() });
    this.flush();
  }

  retry({ key, group, data, writtenAt }: Pending): void {
    this.#save({ key, group, data, writtenAt });
    this.flush();
  }

  discard({ key }: Pending): void {
    this.#remove(key);
    this.#changed();
  }

  flush(): void {
    if (!this.#ports.isOnline()) return;
    for (const { group } of this.#pending.peek()) void this.#work(group);
  }

  clear(): void {
    for (const { key } of this.#pending.peek()) this.#remove(key);
    this.#changed();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#list.close();
  }

  /** Sends the messages of a conversation one after the other, so that they arrive in order. */
  async #work(group: string): Promise<void> {
    if (this.#working.has(group)) return;
    this.#working.add(group);
    try {
      while (this.#ports.isOnline()) {
        const next = this.#pending.peek().find((each) => each.group === group && each.failure === undefined);
        if (next === undefined || !(await this.#try(next))) return;
      }
    } finally {
      this.#working.delete(group);
    }
  }

  /** @returns false when the following messages have to wait */
  async #try(message: Pending): Promise<boolean> {
    const now = Date.now();
    if (message.triedAt !== undefined && now - message.triedAt > REPEATABLE_MS) {
      this.#save({
        ...message,
        failure: "The connection was lost while it was sent, so it may have arrived.",
      });
      return true;
    }
    const { triedAt = now, after = this.#ports.newest(message.group) } = message;
    const tried = { ...message, triedAt, after };
    this.#save(tried);
    try {
      this.#ports.sent(tried, await this.#ports.send(tried));
      this.discard(tried);
      return true;
    } catch (error) {
      if (isPassing(error)) {
        this.#again(error.retryAfterMs);
        return false;
      }
      this.#save({ ...tried, failure: error instanceof Error ? error.message : String(error) });
      return true;
    }
  }

  #again(delayMs = RETRY_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), delayMs);
  }

  #save(message: Pending): void {
    const { key } = message;
    this.#unstored.delete(key);
    if (!this.#list.set(key, message)) {
      this.#list.remove(key);
      this.#unstored.set(key, message);
    }
    this.#changed();
  }

  #remove(key: string): void {
    this.#list.remove(key);
    this.#unstored.delete(key);
  }

  #changed(): void {
    this.#pending.value = [...this.#list.all(), ...this.#unstored.values()].sort(byTime);
  }
}

const byTime = (one: Pending, other: Pending): number =>
  one.writtenAt - other.writtenAt || (one.key < other.key ? -1 : 1);

/** True for an error after which the message is sent again. */
const isPassing = (error: unknown): error is TidingsError =>
  error instanceof TidingsError && ["unavailable", "timeout", "rate_limited"].includes(error.code);

function isPending(value: unknown): value is Pending {
  const { key, group, data, writtenAt } = (value ?? {}) as Partial<Pending>;
  return (
    typeof key === "string" &&
    typeof group === "string" &&
    typeof data === "object" &&
    typeof writtenAt === "number"
  );
}

let keys = 0;

/** Keys of one millisecond are in the order in which they were made. Pages without TLS have no `crypto.randomUUID`. */
const randomKey = (): string =>
  `${Date.now().toString(36)}-${String(keys++).padStart(6, "0")}-${Math.random().toString(36).slice(2)}`;
