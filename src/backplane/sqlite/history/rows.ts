import type { Message } from "../../message.ts";
import type { ChannelState } from "./channel.ts";
import { audienceOf } from "./columns.ts";
import type { HistoryStatements } from "./statements.ts";

/** Columns of the statements that read messages, as the schema declares them. An array: objects of rows take twice as long. */
export type MessageRow = readonly [
  offset: number,
  id: string,
  type: string,
  sender: string | null,
  timestamp: number,
  body: string,
  audience: string | null,
  size: number,
];

/** Columns of a message besides its content. `total` minus `size` is the size of all messages before it. */
export interface RowHead {
  readonly offset: number;
  readonly id: string;
  readonly timestamp: number;
  readonly size: number;
  readonly total: number;
}

/** Direction of a read, by offsets. */
export type Direction = "upwards" | "downwards";

/** Rows of messages, in the table of their channel or among the arrivals. */
export class Rows {
  readonly #statements: HistoryStatements;

  constructor(statements: HistoryStatements) {
    this.#statements = statements;
  }

  /** Adds the newest message of a channel to the table of messages. Its channel has no tail. */
  insert(state: ChannelState, message: Message, size: number): void {
    const { id, type, from = null, timestamp, body } = message;
    const { history, last, total } = state;
    const audience = audienceOf(message);
    this.#statements.append.run(history, last, id, type, from, timestamp, body, audience, size, total);
    state.settled = last;
  }

  /** Adds the newest message of a channel to the arrivals. */
  arrive(place: number, state: ChannelState, message: Message, size: number): void {
    const { id: channel, history, last, total } = state;
    const { id, type, from = null, timestamp, body } = message;
    const audience = audienceOf(message);
    const { arrive } = this.#statements;
    arrive.run(place, channel, history, last, id, type, from, timestamp, body, audience, size, total);
  }

  /** Copies a message from the arrivals to the table of messages. */
  settle(place: number): void {
    this.#statements.settle.run(place);
  }

  /** Reads the head of a message; undefined without it. */
  at(state: ChannelState, offset: number): RowHead | undefined {
    const place = state.tail?.placeOf(offset);
    const { at, arrival } = this.#statements;
    const row = place === undefined ? at.get(state.history, offset) : arrival.get(place);
    return row as RowHead | undefined; // by the statements
  }

  /** Finds the first message from `state.first` on that is not older than a time. */
  firstSince(state: ChannelState, time: number): number | undefined {
    const { first, settled, last, history } = state;
    if (first <= settled) {
      const row = this.#statements.firstSince.get(history, first, time);
      if (row !== undefined) return Number(row.offset);
    }
    // A tail is short.
    for (let offset = Math.max(first, settled + 1); offset <= last; offset++)
      if (Number(this.at(state, offset)?.timestamp) >= time) return offset;
    return undefined;
  }

  /** Reads the sizes of messages from `state.first` on. */
  *sizes(state: ChannelState): Generator<number> {
    const { first, settled, last, history } = state;
    if (first <= settled)
      for (const { size } of this.#statements.sizes.iterate(history, first)) yield Number(size);
    for (let offset = Math.max(first, settled + 1); offset <= last; offset++)
      yield Number(this.at(state, offset)?.size);
  }

  /**
   * Reads messages.
   * @param isSmall true: all of them at once, which is faster than row by row
   */
  read(
    state: ChannelState,
    direction: Direction,
    from: number,
    to: number,
    isSmall: boolean,
  ): Iterable<MessageRow> {
    const { settled } = state;
    if (to <= settled) return this.#settled(state, direction, from, to, isSmall);
    if (from > settled) return this.#arrived(state, direction, from, to);
    return this.#both(state, direction, from, to, isSmall);
  }

  *#both(
    state: ChannelState,
    direction: Direction,
    from: number,
    to: number,
    isSmall: boolean,
  ): Generator<MessageRow> {
    const { settled } = state;
    if (direction === "downwards") yield* this.#arrived(state, direction, settled + 1, to);
    yield* this.#settled(state, direction, from, settled, isSmall);
    if (direction === "upwards") yield* this.#arrived(state, direction, settled + 1, to);
  }

  #settled(
    { history }: ChannelState,
    direction: Direction,
    from: number,
    to: number,
    isSmall: boolean,
  ): Iterable<MessageRow> {
    const statement = this.#statements[direction];
    const rows = isSmall ? statement.all(history, from, to) : statement.iterate(history, from, to);
    return rows as Iterable<unknown> as Iterable<MessageRow>; // rows are arrays
  }

  *#arrived({ tail }: ChannelState, direction: Direction, from: number, to: number): Generator<MessageRow> {
    const step = direction === "upwards" ? 1 : -1;
    let offset = direction === "upwards" ? from : to;
    for (let left = to - from + 1; left > 0; left--, offset += step) {
      const row: unknown = this.#statements.arrived.get(tail?.placeOf(offset) ?? 0);
      yield row as MessageRow; // rows are arrays
    }
  }
}
