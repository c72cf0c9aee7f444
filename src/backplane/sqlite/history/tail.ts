import type { Channel } from "../../../protocol/protocol.ts";

/** Messages of one channel among the arrivals: its newest ones. */
export class Tail {
  readonly channel: Channel;
  readonly history: number;
  /** Offset of the oldest one. */
  readonly start: number;
  /** Places among the arrivals, in the order of the offsets. */
  readonly places: number[] = [];
  bytes = 0;
  /** Places and bytes that are committed: a transaction that is rolled back leaves these. */
  committedPlaces = 0;
  committedBytes = 0;

  constructor(channel: Channel, history: number, start: number) {
    this.channel = channel;
    this.history = history;
    this.start = start;
  }

  /** Place of the message with an offset; undefined for one that is not in the tail. */
  placeOf(offset: number): number | undefined {
    return this.places[offset - this.start];
  }
}
