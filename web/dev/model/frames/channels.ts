/** Positions of one channel, as the frames tell them. */
export interface ChannelRow {
  readonly channel: string;
  readonly epoch?: string | undefined;
  /** Highest offset that arrived: of a message, or of a `position` frame. */
  readonly received?: number | undefined;
  /** Offset that the server confirmed as acknowledged: the cursor of this device. */
  readonly cursor?: number | undefined;
  /** Offset of the last stored message that this page sent there, by its receipt. */
  readonly sent?: number | undefined;
  /** Answer to the last resume: `false` when messages are lost. */
  readonly recovered?: boolean | undefined;
}

/** A page that sends to many users learns of many channels. The longest unchanged ones are forgotten. */
const MAX_CHANNELS = 500;

/** Positions by channel; the one that changed last is the last. */
export class Channels {
  readonly #rows = new Map<string, ChannelRow>();

  get rows(): readonly ChannelRow[] {
    return [...this.#rows.values()];
  }

  update(channel: string, change: Partial<ChannelRow>): void {
    const row = this.#rows.get(channel);
    this.#rows.delete(channel);
    this.#rows.set(channel, { ...row, ...change, channel });
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MAX_CHANNELS && oldest !== undefined) this.#rows.delete(oldest);
  }

  /** A stored message has arrived. A replay may bring an offset again that was received before. */
  received(channel: string, offset: number): void {
    this.update(channel, { received: Math.max(offset, this.#rows.get(channel)?.received ?? 0) });
  }
}
