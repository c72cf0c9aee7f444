import type { Channel, Position } from "../protocol/protocol.ts";
import type { FirstPublish, IdempotencyKeys } from "./memory-keys.ts";
import type { MemoryLink } from "./memory-link.ts";
import type { Rings } from "./memory-rings.ts";
import type { SetMap } from "./memory-sets.ts";
import type { Message } from "./message.ts";
import type { Appended, Broker, HistoryPage, HistoryQuery, StoredReceipt } from "./port.ts";

/**
 * The way of messages on the only node. Every method has done its work when it returns its promise, so calls
 * take effect in the order in which they are made.
 */
export class MemoryBroker implements Broker {
  readonly #link: MemoryLink;
  readonly #rings: Rings;
  readonly #keys: IdempotencyKeys;
  readonly #groups: SetMap;

  constructor(link: MemoryLink, rings: Rings, keys: IdempotencyKeys, groups: SetMap) {
    this.#link = link;
    this.#rings = rings;
    this.#keys = keys;
    this.#groups = groups;
  }

  /** There is no other node. */
  relay(): number {
    return 0;
  }

  async append(message: Message, key?: string): Promise<Appended> {
    const { sink } = this.#link;
    const first = key === undefined ? undefined : this.#keys.find(key);
    if (first !== undefined) return this.#repeat(message, first);
    const stored = this.#rings.append(message);
    const { id, timestamp, epoch, offset } = stored;
    const place = { id, timestamp, epoch, offset };
    if (key !== undefined) this.#keys.remember(key, { place });
    return { ...place, receivers: sink.deliver(stored), duplicate: false };
  }

  #repeat({ id, timestamp, channel }: Message, { place, receipt }: FirstPublish): Appended {
    // The first was ephemeral: it has no place in the history, which is what the offset 0 says.
    const found = place ?? { id, timestamp, epoch: this.#rings.open(channel).epoch, offset: 0 };
    return { ...found, receivers: 0, duplicate: true, receipt };
  }

  async claim(key: string, receipt: StoredReceipt): Promise<StoredReceipt | undefined> {
    this.#link.assertUp();
    const first = this.#keys.find(key);
    if (first !== undefined) return first.receipt ?? receipt;
    this.#keys.remember(key, { receipt });
    return undefined;
  }

  async settle(key: string, receipt: StoredReceipt): Promise<void> {
    this.#link.assertUp();
    const first = this.#keys.find(key);
    if (first !== undefined) first.receipt = receipt;
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
    // Read only now: opening the last of them may have cost the first one its history.
    return channels.map((channel) => {
      const { epoch, last } = rings.get(channel) ?? this.#rings.open(channel);
      return { epoch, offset: last };
    });
  }

  async join(group: string, user: string): Promise<void> {
    this.#link.assertUp();
    this.#groups.add(group, user);
  }

  async leave(group: string, user: string): Promise<void> {
    this.#link.assertUp();
    this.#groups.delete(group, user);
  }
}
