import { type Client, type Receipt, TidingsError } from "../../../src/client/client.ts";
import { type Channel, targetOf } from "../../../src/protocol/protocol.ts";
import type { Events } from "../events.ts";
import { readContent } from "./content.ts";
import type { Delivery, MessageEntry } from "./conversation.ts";
import { type SentMessage, SentMessages } from "./sent.ts";
import type { State } from "./state.ts";

/** Interval of the message `typing`, shorter than the time for which receivers show it. */
const TYPING_INTERVAL_MS = 2_000;

/** Time for the acknowledgement, after which the receipt says what is known until then. A later one is told as well. */
const ACK_MS = 1_000;

/** Messages whose acknowledgement may still come. The hub tells of the last 1,000 of a connection. */
const MAX_AWAITED = 1_000;

/** Idempotency window of a server by default. An older message is not sent again: it might be stored twice. */
const REPEATABLE_MS = 300_000;

type Written = { type: "chat"; data: Events["chat"] } | { type: "img"; data: Events["img"] };

/** Sends the user's messages. It shows them at once, also in the user's other tabs, and their delivery after the receipt. */
export class Outbox {
  readonly sent: SentMessages;
  readonly #client: Client<Events>;
  readonly #state: State;
  readonly #typingSentAt = new Map<Channel, number>();
  /** Messages that are not acknowledged yet, by the server's id. */
  readonly #awaited = new Map<string, SentMessage>();

  constructor(client: Client<Events>, state: State) {
    this.#client = client;
    this.#state = state;
    this.sent = new SentMessages(state.user, (message) => this.#show(message));
  }

  text(channel: Channel, text: string): Promise<void> {
    const nonce = randomName();
    return this.#begin(channel, nonce, { type: "chat", data: { text, nonce } });
  }

  picture(channel: Channel, url: string): Promise<void> {
    const nonce = randomName();
    return this.#begin(channel, nonce, { type: "img", data: { url, nonce } });
  }

  /** Shows the messages of earlier visits, and sends again what the page was closed over. */
  restore(): void {
    for (const message of this.sent.all()) {
      const isOpen = message.delivery.state === "sent";
      const isRepeatable = isOpen && Date.now() - message.timestamp < REPEATABLE_MS;
      const reason = "the page was closed before the receipt came";
      this.#show(isOpen && !isRepeatable ? { ...message, delivery: { state: "failed", reason } } : message);
      if (isRepeatable) void this.#send(message);
    }
  }

  /** An acknowledgement came after the receipt. */
  acked(id: string): void {
    const message = this.#awaited.get(id);
    this.#awaited.delete(id);
    if (message !== undefined) this.#update({ ...message, delivery: { state: "acked", connections: 1 } });
  }

  /** Tells the receivers that the user is typing. */
  typing(channel: Channel): void {
    const now = Date.now();
    if (now - (this.#typingSentAt.get(channel) ?? 0) < TYPING_INTERVAL_MS) return;
    this.#typingSentAt.set(channel, now);
    const sent = this.#client.send({ type: "typing", ...audience(channel), ephemeral: true });
    // A failure does not matter: without a connection it is not sent.
    sent.catch(() => {});
  }

  #begin(channel: Channel, nonce: string, { type, data }: Written): Promise<void> {
    this.#typingSentAt.delete(channel);
    const message: SentMessage = {
      ...{ nonce, channel, type, data },
      timestamp: Date.now(),
      delivery: { state: "sent" },
    };
    this.#state.conversation(channel).append(this.#entryOf(message));
    this.sent.save(message);
    return this.#send(message);
  }

  async #send(message: SentMessage): Promise<void> {
    const { nonce, channel, type, data } = message;
    // Only another user acknowledges, and only messages to a user have copies.
    const isDirect = channel.startsWith("user:");
    try {
      // One of the two types, with its data, as `#begin` has made it.
      const written = { type, data } as Written;
      const receipt = await this.#client.send({
        ...{ ...written, ...audience(channel), key: nonce },
        ...(isDirect && { ack: true, timeoutMs: ACK_MS, copy: true }),
      });
      const sent = { ...message, timestamp: receipt.timestamp, delivery: deliveryOf(receipt) };
      this.#update(sent);
      if (isDirect && receipt.state !== "acked") this.#await(receipt.id, sent);
    } catch (error) {
      // The page is being closed: the next visit sends the message again.
      if (this.#client.state === "closed") return;
      const reason = error instanceof TidingsError ? error.message : String(error);
      this.#update({ ...message, delivery: { state: "failed", reason } });
    }
  }

  #await(id: string, message: SentMessage): void {
    this.#awaited.set(id, message);
    const [oldest] = this.#awaited.keys();
    if (this.#awaited.size > MAX_AWAITED && oldest !== undefined) this.#awaited.delete(oldest);
  }

  #update(message: SentMessage): void {
    const { nonce, channel, timestamp, delivery } = message;
    this.#state.conversation(channel).update(nonce, { timestamp, delivery });
    this.sent.save(message);
  }

  /** Shows a message of another tab or visit. In groups the hub's history has it already, so only its delivery is new. */
  #show(message: SentMessage): void {
    const conversation = this.#state.conversation(message.channel);
    const entry = this.#entryOf(message);
    const isShared = !message.channel.startsWith("user:");
    if (!isShared || message.delivery.state === "sent") conversation.merge([entry]);
    conversation.update(entry.key, { timestamp: entry.timestamp, delivery: entry.delivery });
  }

  #entryOf({ nonce, type, data, timestamp, delivery }: SentMessage): MessageEntry {
    const content = readContent(type, data);
    return { kind: "message", key: nonce, from: this.#state.user, isOwn: true, timestamp, content, delivery };
  }
}

/** A receipt whose wait for the acknowledgement is over says `stored`, also when connections took the message. */
const deliveryOf = ({ state, connections }: Receipt): Delivery => ({
  state: state === "stored" && connections > 0 ? "delivered" : state,
  connections,
});

/** `crypto.randomUUID` needs TLS or this machine, and development mode may be open to a network. */
const randomName = (): string =>
  crypto.getRandomValues(new Uint32Array(4)).reduce((name, part) => name + part.toString(36), "");

function audience(channel: Channel): { to: string } | { group: string } | { to?: undefined } {
  const { to, group } = targetOf(channel);
  if (to !== undefined) return { to };
  return group === undefined ? {} : { group };
}
