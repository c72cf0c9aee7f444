import { type Channel, type Position, toTidingsError } from "../../protocol/protocol.ts";
import type { LocalNode } from "../local-node.ts";
import type { Message, MessageEdit, StoredMessage } from "../message.ts";
import { type Appended, type Broker, type HistoryPage, type HistoryQuery, NOBODY } from "../port.ts";
import { reading } from "./file/file.ts";
import { editMessage } from "./history/edits.ts";
import type { Histories } from "./history/histories.ts";
import { Pages } from "./history/pages.ts";
import type { FirstPublish, SqliteIdempotency } from "./state/idempotency.ts";
import type { Write, Writer } from "./writer.ts";

export interface BrokerParts {
  readonly node: LocalNode;
  readonly writer: Writer;
  readonly histories: Histories;
  readonly idempotency: SqliteIdempotency;
}

/** Broker of a single node, whose histories are in a file. A message is delivered once it is committed. */
export class SqliteBroker implements Pick<Broker, "append" | "edit" | "history" | "positions"> {
  readonly #parts: BrokerParts;
  readonly #pages: Pages;
  /** Channels that have grown in the transaction that runs. */
  readonly inUse = new Set<Channel>();

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#pages = new Pages(parts.histories);
  }

  append(message: Message, key?: string): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#parts.writer.add(new Append(this.#parts, this.inUse, message, key, resolve, reject));
    });
  }

  edit(edit: MessageEdit): Promise<Appended> {
    const { node, writer, histories } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    let notice: StoredMessage;
    writer.add({
      run: () => {
        notice = editMessage(histories, edit);
        this.inUse.add(notice.channel);
      },
      done: () => deliver(node, notice, resolve, reject),
      failed: reject,
    });
    return promise;
  }

  async history(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    return reading(() => this.#pages.read(channel, query));
  }

  async positions(channels: readonly Channel[]): Promise<Position[]> {
    const { histories } = this.#parts;
    return reading(() =>
      channels.map((channel) => {
        const { epoch, last } = histories.find(channel) ?? { epoch: histories.epochs.base, last: 0 };
        return { epoch, offset: last };
      }),
    );
  }
}

/** Delivers a message that is committed, in the moment in which its commit is told: later ones of the same commit follow it. */
function deliver(
  { sink }: LocalNode,
  stored: StoredMessage,
  resolve: (appended: Appended) => void,
  reject: (error: unknown) => void,
): void {
  const { id, timestamp, epoch, offset } = stored;
  try {
    resolve({ id, timestamp, epoch, offset, here: sink.deliver(stored), nodes: 0, duplicate: false });
  } catch (error) {
    reject(toTidingsError(error));
  }
}

/** A message on its way into the file. A class, because it is made for every message. */
class Append implements Write {
  readonly #parts: BrokerParts;
  readonly #inUse: Set<Channel>;
  readonly #message: Message;
  readonly #key: string | undefined;
  readonly #resolve: (appended: Appended) => void;
  readonly #reject: (error: unknown) => void;
  #stored: StoredMessage | undefined;
  #first: FirstPublish | undefined;

  constructor(
    parts: BrokerParts,
    inUse: Set<Channel>,
    message: Message,
    key: string | undefined,
    resolve: (appended: Appended) => void,
    reject: (error: unknown) => void,
  ) {
    this.#parts = parts;
    this.#inUse = inUse;
    this.#message = message;
    this.#key = key;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  run(): void {
    const { histories, idempotency } = this.#parts;
    const key = this.#key;
    this.#first = key === undefined ? undefined : idempotency.find(key);
    if (this.#first !== undefined) return;
    const stored = histories.append(this.#message);
    this.#stored = stored;
    this.#inUse.add(stored.channel);
    if (key !== undefined) idempotency.keep(key, { place: stored });
  }

  done(): void {
    if (this.#stored === undefined) {
      this.#resolve(this.#duplicate());
      return;
    }
    deliver(this.#parts.node, this.#stored, this.#resolve, this.#reject);
  }

  failed(error: unknown): void {
    this.#reject(error);
  }

  #duplicate(): Appended {
    const { id, timestamp } = this.#message;
    const { place, receipt } = this.#first ?? {};
    // An ephemeral first message has no position in the history; offset 0 says so.
    const found = place ?? { id, timestamp, epoch: this.#parts.histories.epochs.base, offset: 0 };
    return { ...found, here: NOBODY, nodes: 0, duplicate: true, receipt };
  }
}
