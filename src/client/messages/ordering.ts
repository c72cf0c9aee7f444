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
  /** The channel that moved last is the last one. */
  readonly #timelines = new Map<Channel, Timeline>();
  #leftOut: Channel[] = [];
  /** Positions of groups that the login does not name, because to name a group is to join it. */
  #former: Positions = {};

  /** @param isRestored the positions are a former page's: groups count once the client joins them, or is a member */
  constructor(events: OrderingEvents, positions: Positions = {}, isRestored = false) {
    this.#events = events;
    for (const channel of Object.keys(positions) as Channel[]) {
      // The keys of `Positions` are channels.
      if (isRestored && channel.startsWith("group:")) this.#former[channel] = positions[channel];
      else this.#timelines.set(channel, this.#timeline(channel, positions[channel]));
    }
  }

  receive(push: Push): void {
    if (push.offset === undefined) this.#events.deliver(push);
    else this.#moving(channelOf(push)).receive(push, push.offset);
  }

  move(frame: PositionFrame): void {
    this.#moving(frame.channel).move(frame);
  }

  position(channel: Channel): Position | undefined {
    const timeline = this.#timelines.get(channel);
    return timeline ? timeline.position : this.#former[channel];
  }

  positions(): Positions {
    const positions: Positions = { ...this.#former };
    for (const [channel, { position }] of this.#timelines) {
      if (position) positions[channel] = position;
    }
    return positions;
  }

  /**
   * Returns the positions that the login names: of the user's channel, of everyone's, and of the groups that moved last.
   * @param fits tells whether the login has room for these positions. @default unlimited
   */
  login(fits: (positions: Positions) => boolean = () => true): Positions {
    let positions: Positions = {};
    let hasRoom = true;
    this.#leftOut = [];
    for (const [channel, timeline] of this.#byUrgency()) {
      const { position } = timeline;
      if (!position) continue;
      const more = { ...positions, [channel]: position };
      hasRoom &&= fits(more);
      timeline.login(hasRoom);
      if (hasRoom) positions = more;
      else this.#leftOut.push(channel);
    }
    return positions;
  }

  /** Channels that the last login had no room for. */
  get rest(): readonly Channel[] {
    return this.#leftOut;
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
    delete this.#former[channel];
  }

  /** Discards all positions, which are of another user. */
  clear(): void {
    this.#timelines.clear();
    this.#former = {};
  }

  disconnected(): void {
    for (const timeline of this.#timelines.values()) timeline.disconnected();
  }

  /** The channels of every client, then the groups that moved last. */
  #byUrgency(): [Channel, Timeline][] {
    const isGroup = ([channel]: [Channel, Timeline]): number => Number(channel.startsWith("group:"));
    return [...this.#timelines].reverse().sort((one, other) => isGroup(one) - isGroup(other));
  }

  #moving(channel: Channel): Timeline {
    let timeline = this.#timelines.get(channel);
    if (!timeline) {
      timeline = this.#timeline(channel, this.#former[channel]);
      // The server may continue from its cursor: what lies before it is a gap.
      timeline.login(false);
    }
    this.#timelines.delete(channel);
    this.#timelines.set(channel, timeline);
    return timeline;
  }

  #timeline(channel: Channel, position?: Position): Timeline {
    const events = this.#events;
    return new Timeline(
      { ...events, lost: () => events.lost(channel), gap: () => events.gap(channel) },
      position,
    );
  }
}
