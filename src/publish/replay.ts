import type { Broker, HistoryPage, StoredMessage } from "../backplane/backplane.ts";
import type { Connection, Held, Hold } from "../local/local.ts";
import type { Channel, Position } from "../protocol/protocol.ts";
import { positionText, pushPacket } from "./deliver.ts";

/** Where replay starts: after a position, or with everything retained. */
export type ReplayFrom = Position | "first";

/** Where a channel goes on for a connection; `recovered: false` when something before that is lost to it. */
export interface Replayed extends Position {
  readonly recovered: boolean;
}

/** Messages read at once. */
const PAGE = 128;

/**
 * Joins live and replay without gap or repeat: the channel is on hold when this starts, so live messages wait; the
 * history is read up to the first of them; then both are one.
 */
export class Replay {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /**
   * Sends a `position` frame and everything after it, and releases the hold.
   * A slow client slows its own replay only: when its queue is full, the next message waits until that has left.
   */
  async run(connection: Connection, channel: Channel, hold: Hold, from: ReplayFrom): Promise<Replayed> {
    try {
      const { start, page } = await this.#read(channel, from);
      connection.send(positionText(channel, start, start.recovered));
      await this.#catchUp(connection, channel, hold, start, page);
      return start;
    } finally {
      // After a failure the client gets what was held, sees the gap, and asks again.
      release(connection, channel, hold, hold.held);
    }
  }

  async #catchUp(
    connection: Connection,
    channel: Channel,
    hold: Hold,
    start: Position,
    first: HistoryPage,
  ): Promise<void> {
    let position = start;
    let page = first;
    while (isWanted(connection, channel, hold)) {
      const last = sendPage(connection, page.messages);
      position = { epoch: position.epoch, offset: last ?? position.offset };
      connection.settle();
      const live = hold.after(position.offset);
      if (position.offset >= page.last && live !== undefined) return release(connection, channel, hold, live);
      await connection.outbox.whenDrained();
      const next = await this.#read(channel, position);
      if (!next.start.recovered) connection.send(positionText(channel, next.start, false));
      position = next.start;
      page = next.page;
    }
  }

  /** The page after a position, or the oldest page when the history cannot continue from there. */
  async #read(channel: Channel, from: ReplayFrom): Promise<{ start: Replayed; page: HistoryPage }> {
    const page = await this.#broker.history(channel, {
      after: from === "first" ? 0 : from.offset,
      limit: PAGE,
    });
    const start = startOf(page, from);
    if (start.recovered) return { start, page };
    return { start, page: await this.#broker.history(channel, { after: start.offset, limit: PAGE }) };
  }
}

/** Where the channel goes on, given what the history still holds. */
function startOf({ epoch, first, last }: HistoryPage, from: ReplayFrom): Replayed {
  if (from === "first") return { epoch, offset: first - 1, recovered: true };
  if (from.epoch !== epoch || from.offset < first - 1) return { epoch, offset: first - 1, recovered: false };
  // Beyond the end: a position that this history never gave.
  if (from.offset > last) return { epoch, offset: last, recovered: false };
  return { epoch, offset: from.offset, recovered: true };
}

/** A newer replay of the same channel takes over; a closed connection wants nothing. */
const isWanted = (connection: Connection, channel: Channel, hold: Hold): boolean =>
  connection.state === "open" && connection.holdOf(channel) === hold;

/** Sends messages until the queue is full. @returns the offset of the last one, if there was one */
function sendPage(connection: Connection, messages: readonly StoredMessage[]): number | undefined {
  let last: number | undefined;
  for (const message of messages) {
    sendReplayed(connection, message);
    last = message.offset;
    if (connection.outbox.isFull) break;
  }
  return last;
}

function sendReplayed(connection: Connection, message: StoredMessage): void {
  const { platforms, except, channel } = message;
  const addressed = platforms?.includes(connection.platform) ?? true;
  if (addressed && !except?.includes(connection.id))
    connection.outbox.enqueueAnyway(pushPacket(message).plain);
  else connection.send(positionText(channel, message, true));
}

/** Sends what was held back, and lets the channel flow again. */
function release(connection: Connection, channel: Channel, hold: Hold, held: readonly Held[]): void {
  if (connection.holdOf(channel) !== hold) return;
  for (const { packet } of held) connection.outbox.enqueueAnyway(packet.plain);
  connection.release(channel, hold);
}
