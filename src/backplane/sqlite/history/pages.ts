import type { Channel } from "../../../protocol/protocol.ts";
import type { StoredMessage } from "../../message.ts";
import type { HistoryPage, HistoryQuery } from "../../port.ts";
import type { ChannelState } from "./channel.ts";
import type { Histories } from "./histories.ts";
import type { Direction, MessageRow } from "./rows.ts";

const LOST = { lost: true } as const;
const DIFFERS = { differs: true } as const;

/** Pages of a history that are read at once, although only one of them may be needed. */
const SMALL_PAGES = 4;

/** Reads pages of histories. */
export class Pages {
  readonly #histories: Histories;

  constructor(histories: Histories) {
    this.#histories = histories;
  }

  read(channel: Channel, query: HistoryQuery): HistoryPage {
    const state = this.#histories.find(channel);
    if (state === undefined) return { epoch: this.#histories.epochs.base, first: 1, last: 0, messages: [] };
    const { epoch, first, last } = state;
    const isStart = "after" in query && query.after === 0;
    return {
      ...{ epoch, first, last, messages: this.#messages(state, query) },
      ...(isStart && this.#histories.hasLost(state) && LOST),
      ...(this.#hasOther(state, query) && DIFFERS),
    };
  }

  #messages(state: ChannelState, query: HistoryQuery): StoredMessage[] {
    const { limit } = query;
    if ("after" in query || "since" in query) {
      const start = "after" in query ? query.after + 1 : this.#firstSince(state, query.since);
      const from = Math.max(start, state.first);
      return this.#fitting("upwards", state, from, Math.min(from + limit - 1, state.last));
    }
    const to = Math.min((query.before ?? state.last + 1) - 1, state.last);
    return this.#fitting("downwards", state, Math.max(to - limit + 1, state.first), to).reverse();
  }

  #firstSince(state: ChannelState, time: number): number {
    return this.#histories.rows.firstSince(state, time) ?? state.last + 1;
  }

  /** Reads messages until their sizes reach those of a page; at least one. */
  #fitting(direction: Direction, state: ChannelState, from: number, to: number): StoredMessage[] {
    const messages: StoredMessage[] = [];
    if (from > to) return messages;
    const { rows, limits } = this.#histories;
    const { pageBytes } = limits;
    // Row by row takes longer, but the rest of a page that ends early may be large.
    const isSmall = state.bytes <= SMALL_PAGES * pageBytes;
    let bytes = 0;
    for (const row of rows.read(state, direction, from, to, isSmall)) {
      bytes += row[7];
      if (bytes > pageBytes && messages.length > 0) break;
      messages.push(messageOf(row, state));
    }
    return messages;
  }

  /** True when another message is at the offset than the one that the query expects there. */
  #hasOther(state: ChannelState, query: HistoryQuery): boolean {
    if (!("after" in query) || query.id === undefined) return false;
    if (query.after < state.first || query.after > state.last) return false;
    return this.#histories.rows.at(state, query.after)?.id !== query.id;
  }
}

/** Reads the message with an offset; undefined when it is not retained. */
export function readOne({ rows }: Histories, state: ChannelState, offset: number): StoredMessage | undefined {
  if (offset < state.first || offset > state.last) return undefined;
  const [row] = rows.read(state, "upwards", offset, offset, true);
  return row && messageOf(row, state);
}

function messageOf(row: MessageRow, { name, epoch }: ChannelState): StoredMessage {
  const [offset, id, type, sender, timestamp, body, audience] = row;
  // Two forms written out: most rows have no filters, and a literal that spreads another one takes ten times as long.
  if (sender === null)
    return withFilters({ id, type, body, timestamp, channel: name, offset, epoch }, audience);
  return withFilters({ id, type, body, timestamp, from: sender, channel: name, offset, epoch }, audience);
}

function withFilters(message: StoredMessage, audience: string | null): StoredMessage {
  return audience === null ? message : { ...message, ...(JSON.parse(audience) as Partial<StoredMessage>) };
}
