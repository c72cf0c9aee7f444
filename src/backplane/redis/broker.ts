import type { Channel, Position } from "../../protocol/protocol.ts";
import type { Message } from "../message.ts";
import type { Appended, Broker, HistoryPage, HistoryQuery, StoredReceipt } from "../port.ts";
import type { AppendQueue } from "./appends.ts";
import type { Idempotency } from "./claims.ts";
import type { Connection } from "./connection/connection.ts";
import type { Histories } from "./histories.ts";
import type { RedisPresence } from "./presence.ts";
import type { Relay } from "./relay.ts";
import type { Receiver } from "./tracker.ts";

export interface BrokerParts {
  readonly connection: Connection;
  readonly relay: Relay;
  readonly appends: AppendQueue;
  readonly idempotency: Idempotency;
  readonly histories: Histories;
  readonly receiver: Receiver;
  readonly presence: RedisPresence;
}

/** The way of messages between nodes that share a Redis. */
export class RedisBroker implements Broker {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  relay(message: Message): number | Promise<number> {
    return this.#parts.relay.relay(message);
  }

  append(message: Message, key?: string): Promise<Appended> {
    return this.#parts.appends.append(message, key);
  }

  async claim(key: string, receipt: StoredReceipt): Promise<StoredReceipt | undefined> {
    const first = await this.#parts.idempotency.reserve(key, "ephemeral", receipt);
    return first === undefined ? undefined : (first.receipt ?? receipt);
  }

  async settle(key: string, receipt: StoredReceipt): Promise<void> {
    await this.#parts.idempotency.remember(key, receipt);
  }

  async history(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    this.#parts.connection.assertUp();
    const page = await this.#parts.histories.read(channel, query);
    const newest = page.messages.at(-1);
    const id = newest?.offset === page.last ? newest.id : undefined;
    this.#parts.receiver.begin(channel, { epoch: page.epoch, offset: page.last, id });
    return page;
  }

  async positions(channels: readonly Channel[]): Promise<Position[]> {
    this.#parts.connection.assertUp();
    const positions = await this.#parts.histories.positions(channels);
    for (const [index, position] of positions.entries()) {
      const channel = channels[index];
      if (channel !== undefined) this.#parts.receiver.begin(channel, position);
    }
    return positions;
  }

  join(group: string, user: string): Promise<void> {
    return this.#parts.presence.join(group, user);
  }

  leave(group: string, user: string): Promise<void> {
    return this.#parts.presence.leave(group, user);
  }
}
