import { type Client, type Receipt, TidingsError } from "../../src/client/client.ts";
import { type Channel, targetOf } from "../../src/protocol/protocol.ts";
import type { Events } from "../events.ts";
import { type Content, readContent } from "./content.ts";
import type { Delivery } from "./conversation.ts";
import type { State } from "./state.ts";

/** Interval of the message `typing`, shorter than the time for which receivers show it. */
const TYPING_INTERVAL_MS = 2_000;

type Written = { type: "chat"; data: Events["chat"] } | { type: "img"; data: Events["img"] };

/** Sends the user's messages. It shows them at once, and their delivery after the receipt. */
export class Outbox {
  readonly #client: Client<Events>;
  readonly #state: State;
  readonly #typingSentAt = new Map<Channel, number>();

  constructor(client: Client<Events>, state: State) {
    this.#client = client;
    this.#state = state;
  }

  text(channel: Channel, text: string): Promise<void> {
    const nonce = crypto.randomUUID();
    return this.#send(channel, nonce, { type: "chat", data: { text, nonce } });
  }

  picture(channel: Channel, url: string): Promise<void> {
    const nonce = crypto.randomUUID();
    return this.#send(channel, nonce, { type: "img", data: { url, nonce } });
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

  async #send(channel: Channel, nonce: string, message: Written): Promise<void> {
    this.#typingSentAt.delete(channel);
    const conversation = this.#state.conversation(channel);
    conversation.append({
      kind: "message",
      key: nonce,
      from: this.#state.user,
      isOwn: true,
      timestamp: Date.now(),
      content: readContent(message.type, message.data) satisfies Content,
      delivery: { state: "sent" },
    });
    try {
      const ack = this.#canAcknowledge(channel);
      const receipt = await this.#client.send({ ...message, ...audience(channel), ack });
      conversation.update(nonce, { timestamp: receipt.timestamp, delivery: deliveryOf(receipt) });
    } catch (error) {
      const reason = error instanceof TidingsError ? error.message : String(error);
      conversation.update(nonce, { delivery: { state: "failed", reason } });
    }
  }

  /** Only a user acknowledges, and only while online: for others the wait would end with the timeout. */
  #canAcknowledge(channel: Channel): boolean {
    const { to } = targetOf(channel);
    return to !== undefined && this.#state.online.peek().has(to);
  }
}

const deliveryOf = ({ state, connections }: Receipt): Delivery => ({ state, connections });

function audience(channel: Channel): { to: string } | { group: string } | { to?: undefined } {
  const { to, group } = targetOf(channel);
  if (to !== undefined) return { to };
  return group === undefined ? {} : { group };
}
