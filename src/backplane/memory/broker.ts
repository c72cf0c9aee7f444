import type { Channel, Position } from "../../protocol/protocol.ts";
import type { LocalNode } from "../local-node.ts";
import type { Message, MessageEdit, StoredMessage } from "../message.ts";
import { type Appended, type Broker, type HistoryPage, type HistoryQuery, NOBODY } from "../port.ts";
import type { Histories } from "./histories.ts";
import type { History } from "./history.ts";
import type { FirstPublish, MemoryIdempotency } from "./idempotency.ts";

const LOST = { lost: true };
const DIFFERS = { differs: true } as const;

/** True when another message is at the offset than the one that the query expects there. */
function hasOther(history: History, query: HistoryQuery): boolean {
  if (!("after" in query) || query.id === undefined) return false;
  const [there] = history.after(query.after - 1, 1, 0);
  return there?.offset === query.after && there.id !== query.id;
}

function messagesOf(history: History, query: HistoryQuery, pageBytes: number): StoredMessage[] {
  const { limit } = query;
  if ("after" in query) return history.after(query.after, limit, pageBytes);
  if ("since" in query) return history.after(history.firstSince(query.since) - 1, limit, pageBytes);
  return history.before(query.before ?? history.last + 1, limit, pageBytes);
}

/**
 * Broker of a single node. Every method has done its work when it returns its promise, so calls take effect in the
 * order in which they are made.
 */
export class MemoryBroker implements Broker {
  readonly #node: LocalNode;
  readonly #histories: Histories;
  readonly #idempotency: MemoryIdempotency;

  constructor(node: LocalNode, histories: Histories, idempotency: MemoryIdempotency) {
    this.#node = node;
    this.#histories = histories;
    this.#idempotency = idempotency;
  }

  /** Sends nothing: a single node has no other nodes. */
  relay(): number {
    return 0;
  }

  tally(): undefined {
    return undefined;
  }

  async append(message: Message, key?: string): Promise<Appended> {
    const { sink } = this.#node;
    const first = key === undefined ? undefined : this.#idempotency.find(key);
    if (first !== undefined) return this.#duplicate(message, first);
    const stored = this.#histories.append(message);
    const { id, timestamp, epoch, offset } = stored;
    const place = { id, timestamp, epoch, offset };
    if (key !== undefined) this.#idempotency.keep(key, { place });
    return { ...place, here: sink.deliver(stored), nodes: 0, duplicate: false };
  }

  async edit(edit: MessageEdit): Promise<Appended> {
    const { sink } = this.#node;
    const notice = this.#histories.edit(edit);
    const { id, timestamp, epoch, offset } = notice;
    return { id, timestamp, epoch, offset, here: sink.deliver(notice), nodes: 0, duplicate: false };
  }

  #duplicate({ id, timestamp, channel }: Message, { place, receipt }: FirstPublish): Appended {
    // An ephemeral first message has no position in the history; offset 0 says so.
    const found = place ?? { id, timestamp, epoch: this.#histories.open(channel).epoch, offset: 0 };
    return { ...found, here: NOBODY, nodes: 0, duplicate: true, receipt };
  }

  async history(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    this.#node.assertStarted();
    const history = this.#histories.open(channel);
    const { pageBytes } = this.#histories;
    const { epoch, first, last } = history;
    const messages = messagesOf(history, query, pageBytes);
    const isStart = "after" in query && query.after === 0;
    return {
      ...{ epoch, first, last, messages },
      ...(isStart && this.#histories.hasLost(history) && LOST),
      ...(hasOther(history, query) && DIFFERS),
    };
  }

  /** Every message passes this node. */
  async listen(): Promise<void> {
    this.#node.assertStarted();
  }

  async unlisten(): Promise<void> {
    this.#node.assertStarted();
  }

  async positions(channels: readonly Channel[]): Promise<Position[]> {
    this.#node.assertStarted();
    const histories = new Map(channels.map((channel) => [channel, this.#histories.open(channel)]));
    // Positions are read after all histories are open: opening the last one may evict the first one.
    return channels.map((channel) => {
      const { epoch, last } = histories.get(channel) ?? this.#histories.open(channel);
      return { epoch, offset: last };
    });
  }
}
