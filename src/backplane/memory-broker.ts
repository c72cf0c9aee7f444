import type { Channel, Position } from "../protocol/protocol.ts";
import type { FirstPublish, MemoryIdempotency } from "./memory-keys.ts";
import type { MemoryLink } from "./memory-link.ts";
import type { Rings } from "./memory-rings.ts";
import type { Message } from "./message.ts";
import type { Appended, Broker, HistoryPage, HistoryQuery } from "./port.ts";

/**
 * Broker of a single node. Every method has done its work when it returns its promise, so calls take effect in the
 * order in which they are made.
 */
export class MemoryBroker implements Broker {
  readonly #link: MemoryLink;
  readonly #rings: Rings;
  readonly #idempotency: MemoryIdempotency;

  constructor(link: MemoryLink, rings: Rings, idempotency: MemoryIdempotency) {
    this.#link = link;
    this.#rings = rings;
    this.#idempotency = idempotency;
  }

  /** There is no other node. */
  relay(): number {
    return 0;
  }

  async append(message: Message, key?: string): Promise<Appended> {
    const { sink } = this.#link;
    const first = key === undefined ? undefined : this.#idempotency.find(key);
    if (first !== undefined) return this.#duplicate(message, first);
    const stored = this.#rings.append(message);
    const { id, timestamp, epoch, offset } = stored;
    const place = { id, timestamp, epoch, offset };
    if (key !== undefined) this.#idempotency.keep(key, { place });
    return { ...place, receivers: sink.deliver(stored), duplicate: false };
  }

  #duplicate({ id, timestamp, channel }: Message, { place, receipt }: FirstPublish): Appended {
    // An ephemeral first message has no place in the history; offset 0 says so.
    const found = place ?? { id, timestamp, epoch: this.#rings.open(channel).epoch, offset: 0 };
    return { ...found, receivers: 0, duplicate: true, receipt };
  }

  async history(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    this.#link.assertUp();
    const ring = this.#rings.open(channel);
    const { epoch, first, last } = ring;
    if ("after" in query) return { epoch, first, last, messages: ring.after(query.after, query.limit) };
    return { epoch, first, last, messages: ring.before(query.before ?? last + 1, query.limit) };
  }

  async positions(channels: readonly Channel[]): Promise<Position[]> {
    this.#link.assertUp();
    const rings = new Map(channels.map((channel) => [channel, this.#rings.open(channel)]));
    // Read after all are open: opening the last one may evict the history of the first one.
    return channels.map((channel) => {
      const { epoch, last } = rings.get(channel) ?? this.#rings.open(channel);
      return { epoch, offset: last };
    });
  }
}
