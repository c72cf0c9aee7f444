import type { Channel, Position } from "../../protocol/protocol.ts";
import type { Message } from "../message.ts";
import type { Appended, Broker, HistoryPage, HistoryQuery, Idempotency } from "../port.ts";
import type { Appends } from "./appends.ts";
import type { Claims } from "./claims.ts";
import type { Histories } from "./histories.ts";
import type { Link } from "./link.ts";
import type { Relay } from "./relay.ts";
import type { Tracker } from "./tracker.ts";

export interface BrokerParts {
  readonly link: Link;
  readonly relay: Relay;
  readonly appends: Appends;
  readonly histories: Histories;
  readonly tracker: Tracker;
}

/** Broker of nodes that share a Redis. */
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

  async history(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    this.#parts.link.assertUp();
    const page = await this.#parts.histories.read(channel, query);
    const newest = page.messages.at(-1);
    const id = newest?.offset === page.last ? newest.id : undefined;
    this.#parts.tracker.begin(channel, { epoch: page.epoch, offset: page.last, id });
    return page;
  }

  async positions(channels: readonly Channel[]): Promise<Position[]> {
    this.#parts.link.assertUp();
    const positions = await this.#parts.histories.positions(channels);
    for (const [index, position] of positions.entries()) {
      const channel = channels[index];
      if (channel !== undefined) this.#parts.tracker.begin(channel, position);
    }
    return positions;
  }
}

/** Keys of ephemeral messages, in the space of keys that appends use too. */
export const idempotencyOf = (keys: Claims): Idempotency => ({
  async begin(key, receipt) {
    const first = await keys.enter(key, "ephemeral", receipt);
    return first === undefined ? undefined : (first.receipt ?? receipt);
  },
  complete: (key, receipt) => keys.settle(key, receipt),
});
