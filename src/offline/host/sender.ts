import type { Client, Receipt, TidingsError } from "../../client/client.ts";
import { IN_DOUBT, type ToTabs } from "../bus.ts";
import type { Entry, Store } from "../store.ts";

export interface SenderPorts {
  /** The client, while it is logged in. */
  client(): Client | undefined;
  readonly store: Store;
  /** Milliseconds since the first attempt, after which a message is not sent again: the server forgets its key. */
  readonly repeatWithinMs: number;
  tell(frame: ToTabs): void;
}

/** Pause before a message is sent again that the server could not take, in milliseconds. */
const RETRY_MS = 1_000;

/** Sends the messages of the outbox in their order. A message stays there until its receipt. */
export class Sender {
  readonly #ports: SenderPorts;
  /** Keys of the messages that the client has. */
  readonly #sending = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  #hasMore = false;
  #isStopped = false;

  constructor(ports: SenderPorts) {
    this.#ports = ports;
  }

  /** Sends what waits, if the client is logged in. */
  async flush(): Promise<void> {
    this.#hasMore = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#hasMore && !this.#isStopped && this.#ports.client()) {
      this.#hasMore = false;
      // A closed database: what its tabs had kept is sent by the next host.
      for (const entry of await this.#take().catch(() => [])) void this.#send(entry);
    }
    this.#isReading = false;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Marks the messages that wait as tried, before the server can have them. Messages that were tried too long ago fail. */
  async #take(): Promise<Entry[]> {
    const { store, repeatWithinMs, tell } = this.#ports;
    const now = Date.now();
    const doubtful: Entry[] = [];
    const due = await store.change((entries, put) =>
      entries.filter((entry) => {
        const { key, error, triedAt = now } = entry;
        if (error || this.#sending.has(key)) return false;
        const isDoubtful = now - triedAt > repeatWithinMs;
        if (isDoubtful) doubtful.push(entry);
        put({ ...entry, triedAt, ...(isDoubtful && { error: IN_DOUBT }) });
        return !isDoubtful;
      }),
    );
    for (const { key } of doubtful) tell({ kind: "failed", key, error: IN_DOUBT });
    if (due[0] || doubtful[0]) tell({ kind: "outbox" });
    return due;
  }

  async #send({ key, message, triedAt = Date.now() }: Entry): Promise<void> {
    const client = this.#ports.client();
    if (!client || this.#isStopped) return;
    this.#sending.add(key);
    try {
      // It was checked by the type of `send` in its tab.
      const receipt = await client.send({ ...message, key } as Parameters<Client["send"]>[0]);
      await this.#sent(key, message, receipt);
    } catch (error) {
      await this.#refused(key, triedAt, error as TidingsError).catch(() => {}); // calls reject with nothing else
    }
    this.#sending.delete(key);
  }

  /** The tabs are told first: if this host ends before it removes the message, the next one sends it again and gets this receipt. */
  async #sent(key: string, message: object, receipt: Receipt): Promise<void> {
    this.#ports.tell({ kind: "sent", key, message, receipt });
    await this.#ports.store
      .change((entries, _put, remove) => entries.filter((entry) => entry.key === key).forEach(remove))
      .catch(() => {});
    this.#ports.tell({ kind: "outbox" });
  }

  async #refused(key: string, triedAt: number, error: TidingsError): Promise<void> {
    if (this.#isStopped) return;
    const { code, message, retryable, retryAfterMs } = error;
    const isLimited = code === "rate_limited";
    if (isLimited || (retryable && Date.now() - triedAt < this.#ports.repeatWithinMs)) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.flush(), Math.max(RETRY_MS, retryAfterMs ?? 0));
      // The server has looked at the key, and has not taken the message.
      if (isLimited) await this.#update(key, { triedAt: undefined });
      return;
    }
    const failure = code === "timeout" ? IN_DOUBT : { code, message };
    await this.#update(key, { error: failure });
    this.#ports.tell({ kind: "failed", key, error: failure });
    this.#ports.tell({ kind: "outbox" });
  }

  #update(key: string, change: Partial<Entry>): Promise<void> {
    return this.#ports.store.change((entries, put) => {
      for (const entry of entries) if (entry.key === key) put({ ...entry, ...change });
    });
  }
}
