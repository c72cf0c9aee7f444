import type { HistoryPage, HistoryQuery, StoredMessage } from "../backplane/backplane.ts";
import type { Claim, Connection, Held, Hold, Rewind } from "../local/local.ts";
import type { Channel, Position } from "../protocol/protocol.ts";
import type { HistoryReads } from "./budgets/reads.ts";
import { pushText } from "./deliver.ts";
import { type Replayed, type ReplayStart, readFrom, type StartFrom } from "./listening/start.ts";
import { epochFor, type PositionGuard, positionText } from "./positions/positions.ts";

/** Start of a replay: after a position, also one that a client names, at the oldest retained message, or some way back from now. */
export type ReplayFrom = StartFrom | Claim;

/** Newest message only: the start in a last-value channel. */
export const LAST_VALUE: Rewind = { last: 1 };

/** Messages that are encoded together, and the length of their texts from which on no more are: a queue is exceeded by as much. */
const RUN = 32;
const RUN_LENGTH = 16_384;

/**
 * Joins replay and live messages without gap or duplicate. The channel is on hold when the replay starts. The replay
 * reads the history up to the first message on hold, and then releases the hold.
 */
export class Replay {
  readonly #reads: HistoryReads;
  readonly #guard: PositionGuard;
  readonly #isLastValue: ((channel: Channel) => boolean) | undefined;

  /** @param isLastValue true for channels that keep their newest message only. @default no channel */
  constructor(reads: HistoryReads, guard: PositionGuard, isLastValue?: (channel: Channel) => boolean) {
    this.#reads = reads;
    this.#guard = guard;
    this.#isLastValue = isLastValue;
  }

  /**
   * Sends a `position` frame and all messages after the position, and releases the hold.
   * A slow consumer delays its own replay only: while its queue is full, the replay waits.
   * @param missed true: messages before the position may have been dropped on the way to the connection
   */
  run(
    connection: Connection,
    channel: Channel,
    hold: Hold,
    from: ReplayFrom,
    missed?: true,
  ): Promise<Replayed> {
    return this.#run(connection, channel, hold, from, missed);
  }

  /**
   * Does the same from the present position of the channel, which was read after the hold had begun. All messages after it are on hold or still to come, so
   * the history is read only where one is missing there.
   */
  runFromPresent(
    connection: Connection,
    channel: Channel,
    hold: Hold,
    present: Position,
    missed?: true,
  ): Promise<Replayed> {
    return this.#run(connection, channel, hold, present, missed, startAt(present));
  }

  async #run(
    connection: Connection,
    channel: Channel,
    hold: Hold,
    from: ReplayFrom,
    missed?: true,
    known?: ReplayStart,
  ): Promise<Replayed> {
    hold.reached = from;
    try {
      const opened = this.#guard.open(connection, channel);
      if (opened !== undefined) await opened;
      // Messages that came while the policy was asked are on hold, with the epoch of the backplane, which the user may not know.
      const isKnown = known !== undefined && opened === undefined;
      const { start, page } = isKnown ? known : await this.#start(connection, channel, hold, from);
      const told = { ...start, epoch: epochFor(connection, channel, start) };
      // A newer replay has its own start, and a second position would move the client back or past messages.
      if (!isWanted(connection, channel, hold)) return told;
      connection.send(positionText(connection, channel, start, start.recovered, start.missed ?? missed));
      await this.#catchUp(connection, channel, hold, start, page);
      return told;
    } finally {
      this.giveUp(connection, channel, hold);
    }
  }

  /** Ends a replay before its end: after an error the client gets the held messages, and is told of the gap. */
  giveUp(connection: Connection, channel: Channel, hold: Hold): void {
    if (connection.holdOf(channel) !== hold) return;
    release(connection, channel, hold, hold.held);
    connection.miss(channel);
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
      hold.reached = position;
      connection.enqueuePosted();
      const live = hold.after(position.offset);
      if (position.offset >= page.last && live !== undefined) return release(connection, channel, hold, live);
      // The read waits until the connection has sent its queue.
      const next = await this.#read(connection, channel, position);
      if (!isWanted(connection, channel, hold)) return;
      const { recovered, missed } = next.start;
      if (!recovered || missed === false)
        connection.send(positionText(connection, channel, next.start, recovered, missed));
      position = next.start;
      page = next.page;
    }
  }

  async #start(connection: Connection, channel: Channel, hold: Hold, from: ReplayFrom): Promise<ReplayStart> {
    if (!isClaim(from)) return this.#read(connection, channel, from);
    const allowed = this.#guard.check(connection, channel, from);
    if (allowed !== undefined) return this.#read(connection, channel, allowed);
    const { start, page } = await this.#read(
      connection,
      channel,
      await this.#fromNow(connection, channel, hold),
    );
    return { start: { ...start, recovered: false }, page };
  }

  /** Where someone starts who has just come: the first message on hold must arrive. */
  async #fromNow(connection: Connection, channel: Channel, hold: Hold): Promise<StartFrom> {
    if (this.#isLastValue?.(channel)) return LAST_VALUE;
    const { epoch, last } = await this.#reads.read(connection, channel, { limit: 0 });
    return { epoch, offset: Math.min(last, (hold.first ?? last + 1) - 1) };
  }

  #read(connection: Connection, channel: Channel, from: StartFrom): Promise<ReplayStart> {
    const read = (query: HistoryQuery): Promise<HistoryPage> => this.#reads.read(connection, channel, query);
    return readFrom(read, from, this.#isLastValue?.(channel));
  }
}

/** The start at a position that a client names. */
export const claimOf = (position: Position | undefined): Claim | undefined =>
  position && { claimed: position };

/** A start at a position after which the history has nothing yet. */
function startAt({ epoch, offset }: Position): ReplayStart {
  const page = { epoch, first: offset + 1, last: offset, messages: [] };
  return { start: { epoch, offset, recovered: true }, page };
}

const isClaim = (from: ReplayFrom): from is Claim => from !== "first" && "claimed" in from;

/** False after the connection has closed, or a newer replay of the channel has taken over. */
const isWanted = (connection: Connection, channel: Channel, hold: Hold): boolean =>
  connection.state === "open" && connection.holdOf(channel) === hold;

/** Sends messages until the queue is full. @returns the offset of the last one sent; undefined without messages */
function sendPage(connection: Connection, messages: readonly StoredMessage[]): number | undefined {
  let last: number | undefined;
  let texts: string[] = [];
  let length = 0;
  for (const message of messages) {
    const text = textFor(connection, message);
    texts.push(text);
    length += text.length;
    last = message.offset;
    if (texts.length < RUN && length < RUN_LENGTH) continue;
    connection.sendTexts(texts);
    texts = [];
    length = 0;
    if (connection.isFull) break;
  }
  if (texts.length > 0) connection.sendTexts(texts);
  return last;
}

/** A message, or the position past one that is not for the connection. */
function textFor(connection: Connection, message: StoredMessage): string {
  const { platforms, except, channel } = message;
  const addressed = platforms?.includes(connection.platform) ?? true;
  return addressed && !except?.includes(connection.id)
    ? pushText(message)
    : positionText(connection, channel, message, true);
}

/** Sends held messages and ends the hold: later live messages go straight to the queue. */
function release(connection: Connection, channel: Channel, hold: Hold, held: readonly Held[]): void {
  if (connection.holdOf(channel) !== hold) return;
  for (const { packet } of held) connection.sendPacket(packet);
  connection.release(channel, hold);
}
