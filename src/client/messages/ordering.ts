import {
  type Channel,
  channelOf,
  type Position,
  type PositionFrame,
  type Positions,
  type Push,
} from "../../protocol/protocol.ts";
import { Timeline } from "./timeline.ts";

export interface OrderingEvents {
  /** Delivers a stored message in order, or an ephemeral one on arrival. */
  deliver(push: Push): void;
  /** Reports that stored messages of the channel are lost. */
  lost(channel: Channel): void;
  /** Reports missing messages of the channel. They follow {@link Ordering.position}. */
  gap(channel: Channel): void;
}

/** In-order delivery on all channels of a client: one timeline per channel. */
export class Ordering {
  readonly #events: OrderingEvents;
  readonly #timelines = new Map<Channel, Timeline>();

  constructor(events: OrderingEvents, positions: Positions = {}) {
    this.#events = events;
    for (const channel of Object.keys(positions) as Channel[]) {
      // The keys of `Positions` are channels.
      this.#timelines.set(channel, this.#timeline(channel, positions[channel]));
    }
  }

  receive(push: Push): void {
    if (push.offset === undefined) this.#events.deliver(push);
    else this.#at(channelOf(push)).receive(push, push.offset);
  }

  move(frame: PositionFrame): void {
    this.#at(frame.channel).move(frame);
  }

  position(channel: Channel): Position | undefined {
    return this.#timelines.get(channel)?.position;
  }

  positions(): Positions {
    return this.#each((timeline) => timeline.position);
  }

  /** Returns the positions that the login names. */
  login(): Positions {
    return this.#each((timeline) => timeline.login());
  }

  hasGap(channel: Channel): boolean {
    return this.#timelines.get(channel)?.hasGap ?? false;
  }

  giveUp(channel: Channel): void {
    this.#timelines.get(channel)?.giveUp();
  }

  /** Discards the position of a channel that the client left. */
  forget(channel: Channel): void {
    this.#timelines.delete(channel);
  }

  disconnected(): void {
    for (const timeline of this.#timelines.values()) timeline.disconnected();
  }

  #at(channel: Channel): Timeline {
    const known = this.#timelines.get(channel);
    if (known !== undefined) return known;
    const timeline = this.#timeline(channel);
    this.#timelines.set(channel, timeline);
    return timeline;
  }

  #timeline(channel: Channel, position?: Position): Timeline {
    const events = this.#events;
    return new Timeline(
      {
        deliver: (push) => events.deliver(push),
        lost: () => events.lost(channel),
        gap: () => events.gap(channel),
      },
      position,
    );
  }

  #each(read: (timeline: Timeline) => Position | undefined): Positions {
    const positions: Positions = {};
    for (const [channel, timeline] of this.#timelines) {
      const position = read(timeline);
      if (position !== undefined) positions[channel] = position;
    }
    return positions;
  }
}
