import type { Channel } from "../../../src/protocol/protocol.ts";
import { StoredList } from "../../shared/shared.ts";
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

/**
 * The user's own messages with their delivery, in the browser's storage, which all tabs of the page share: the hub tells a
 * receipt to one connection only, and has no message that was written offline.
 */
export class SentMessages {
  readonly #list: StoredList<SentMessage>;
  #saved = 0;

  /** @param changed called for each message that another tab has sent, and when its delivery changes */
  constructor(user: string, changed: (message: SentMessage) => void) {
    const prefix = `tidings.dev.sent.${encodeURIComponent(user)}.`;
    this.#list = new StoredList(prefix, isSent, (message) => message && changed(message));
    this.#prune();
  }

  /** All kept messages, oldest first. */
  all(): readonly SentMessage[] {
    return this.#list.all().sort(byTime);
  }

  find(nonce: string): SentMessage | undefined {
    return this.#list.find(nonce);
  }

  /** Saves a message or its new delivery. Without room the oldest half is removed, for one further attempt. */
  save(message: SentMessage): void {
    if (JSON.stringify(message).length > MAX_CHARACTERS) return;
    if (++this.#saved % KEPT === 0) this.#prune();
    if (this.#list.set(message.nonce, message)) return;
    this.#prune(KEPT / 2);
    // If that was in vain, the message stays in this tab.
    this.#list.set(message.nonce, message);
  }

  stop(): void {
    this.#list.close();
  }

  #prune(kept = KEPT): void {
    const messages = this.all();
    for (const { nonce } of messages.slice(0, Math.max(0, messages.length - kept))) this.#list.remove(nonce);
  }
}

const byTime = (one: Pick<MessageEntry, "timestamp">, other: Pick<MessageEntry, "timestamp">): number =>
  one.timestamp - other.timestamp;

function isSent(value: unknown): value is SentMessage {
  const { nonce, channel, timestamp, delivery } = (value ?? {}) as Partial<SentMessage>;
  return (
    typeof nonce === "string" &&
    typeof channel === "string" &&
    typeof timestamp === "number" &&
    typeof delivery?.state === "string"
  );
}
