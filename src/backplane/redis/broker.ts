import type { Channel, Position } from "../../protocol/protocol.ts";
import type { Message, MessageEdit } from "../message.ts";
import type { Appended, Broker, HistoryPage, HistoryQuery, Tallied } from "../port.ts";
import type { Connection } from "./connection/connection.ts";
import type { Histories } from "./history/histories.ts";
import type { RedisPresence } from "./presence/presence.ts";
import type { Relay } from "./routing/relay.ts";
import type { Tallies } from "./routing/tallies.ts";
import type { AppendQueue } from "./stored/append/append.ts";
import type { Receiver } from "./stored/receiver.ts";

export interface BrokerParts {
  readonly connection: Connection;
  readonly relay: Relay;
  readonly tallies: Tallies;
  readonly appends: AppendQueue;
  readonly histories: Histories;
  readonly receiver: Receiver;
  readonly listening: RedisPresence["listening"];
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

  tally(message: Message): Promise<Tallied> | undefined {
    return this.#parts.tallies.ask(message);
  }

  append(message: Message, key?: string): Promise<Appended> {
    return this.#parts.appends.append(message, key);
  }

  edit(edit: MessageEdit): Promise<Appended> {
    return this.#parts.appends.edit(edit);
  }

  async history(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    const { connection } = this.#parts;
    connection.assertReadable();
    const page = await this.#parts.histories.read(channel, query);
    const newest = page.messages.at(-1);
    const id = newest?.offset === page.last ? newest.id : undefined;
    // A node that receives nothing has no order of delivery to begin; recovery looks at all channels.
    if (connection.isUp) this.#parts.receiver.begin(channel, { epoch: page.epoch, offset: page.last, id });
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

  listen(channel: Channel): Promise<void> {
    return this.#parts.listening.begin(channel);
  }

  async unlisten(channel: Channel): Promise<void> {
    const { listening, receiver } = this.#parts;
    const ended = listening.end(channel);
    receiver.forget(channel);
    await ended;
  }
}
