import type { Channel } from "../../../src/protocol/protocol.ts";
import type { Delivery, MessageEntry } from "./conversation.ts";

/** An own message, as the tabs of its user share it. */
export interface SentMessage {
  /** Marks the message for its sender, and is its idempotency key. */
  readonly nonce: string;
  readonly channel: Channel;
  readonly type: "chat" | "img";
  readonly data: unknown;
  /** Milliseconds since 1970: of the receipt, and of the sending until then. */
  readonly timestamp: number;
  readonly delivery: Delivery;
}

/** Own messages kept per user. The oldest are removed. */
const KEPT = 500;

/** Characters of a message that is kept. Browsers give a page about 5 million in all. */
const MAX_CHARACTERS = 20_000;

const PREFIX = "tidings.dev.sent.";

/**
 * The user's own messages with their delivery, in the browser's storage, which all tabs of the page share: the hub tells a
 * receipt to one connection only, and has no message that was written offline. Each message has a key of its own, so tabs that
 * write at once lose nothing.
 */
export class SentMessages {
  readonly #prefix: string;
  readonly #changed: (message: SentMessage) => void;
  #saved = 0;

  /** @param changed called for each message that another tab has sent, and when its delivery changes */
  constructor(user: string, changed: (message: SentMessage) => void) {
    this.#prefix = `${PREFIX}${encodeURIComponent(user)}.`;
    this.#changed = changed;
    addEventListener("storage", this.#heard);
    this.#prune();
  }

  /** All kept messages, oldest first. */
  all(): readonly SentMessage[] {
    const messages = this.#keys().map((key) => read(localStorage.getItem(key)));
    return messages.filter((message) => message !== undefined).sort(byTime);
  }

  find(nonce: string): SentMessage | undefined {
    return read(storage()?.getItem(this.#prefix + nonce));
  }

  /** Saves a message or its new delivery. Without room the oldest half is removed, for one further attempt. */
  save(message: SentMessage): void {
    const text = JSON.stringify(message);
    if (text.length > MAX_CHARACTERS) return;
    if (++this.#saved % KEPT === 0) this.#prune();
    const write = (): void => storage()?.setItem(this.#prefix + message.nonce, text);
    try {
      write();
    } catch {
      this.#prune(KEPT / 2);
      try {
        write();
      } catch {
        // The message stays in this tab.
      }
    }
  }

  stop(): void {
    removeEventListener("storage", this.#heard);
  }

  #keys(): string[] {
    return Object.keys(storage() ?? {}).filter((key) => key.startsWith(this.#prefix));
  }

  #prune(kept = KEPT): void {
    const messages = this.all();
    for (const { nonce } of messages.slice(0, Math.max(0, messages.length - kept)))
      localStorage.removeItem(this.#prefix + nonce);
  }

  readonly #heard = ({ key, newValue }: StorageEvent): void => {
    const message = key?.startsWith(this.#prefix) ? read(newValue) : undefined;
    if (message !== undefined) this.#changed(message);
  };
}

const byTime = (one: Pick<MessageEntry, "timestamp">, other: Pick<MessageEntry, "timestamp">): number =>
  one.timestamp - other.timestamp;

/** A browser may refuse its storage, for example in a private window. Then the messages stay in their tab. */
function storage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** Reads a message that an older version of the page may have written. */
function read(text: string | null | undefined): SentMessage | undefined {
  try {
    const value = JSON.parse(text ?? "null");
    const isComplete =
      typeof value?.nonce === "string" &&
      typeof value.channel === "string" &&
      typeof value.timestamp === "number" &&
      typeof value.delivery?.state === "string";
    return isComplete ? value : undefined;
  } catch {
    return undefined;
  }
}
