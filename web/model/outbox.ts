import { type Client, type Receipt, TidingsError } from "../../src/client/client.ts";
import { type Channel, targetOf } from "../../src/protocol/protocol.ts";
import type { Events } from "../events.ts";
import { type Content, readContent } from "./content.ts";
import type { Delivery } from "./conversation.ts";
import type { State } from "./state.ts";

/** Often enough for the others to see it go on. */
const TYPING_EVERY_MS = 2_000;

type Written = { type: "chat"; data: Events["chat"] } | { type: "img"; data: Events["img"] };

/** Sends what the user writes, shows it at once, and then what becomes of it. */
export class Outbox {
  readonly #client: Client<Events>;
  readonly #state: State;
  readonly #toldTypingAt = new Map<Channel, number>();

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

  /** The user is writing. */
  typing(channel: Channel): void {
    const now = Date.now();
    if (now - (this.#toldTypingAt.get(channel) ?? 0) < TYPING_EVERY_MS) return;
    this.#toldTypingAt.set(channel, now);
    const told = this.#client.send({ type: "typing", ...audience(channel) }, { ephemeral: true });
    // Nobody has to know about it: without a connection it is not sent.
    told.catch(() => {});
  }

  async #send(channel: Channel, nonce: string, message: Written): Promise<void> {
    this.#toldTypingAt.delete(channel);
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
      const ack = this.#mayAcknowledge(channel);
      const receipt = await this.#client.send({ ...message, ...audience(channel) }, { ack });
      conversation.update(nonce, { timestamp: receipt.timestamp, delivery: deliveryOf(receipt) });
    } catch (error) {
      const reason = error instanceof TidingsError ? error.message : String(error);
      conversation.update(nonce, { delivery: { state: "failed", reason } });
    }
  }

  /** Only a single user does, and one who is away would be waited for in vain. */
  #mayAcknowledge(channel: Channel): boolean {
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
