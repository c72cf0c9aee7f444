import type { Direction, Frame } from "./frame.ts";

/** Conditions that a frame has to meet. An empty one is met by all. */
export interface FrameFilter {
  readonly direction: Direction | "";
  readonly kind: string;
  readonly channel: string;
  readonly text: string;
  /** Shows pings and pongs, of which the page sends some by itself to measure the latency. */
  readonly pings: boolean;
}

export const EVERY_FRAME: FrameFilter = { direction: "", kind: "", channel: "", text: "", pings: false };

const isPing = ({ kind }: Frame): boolean => kind === "ping" || kind === "pong";

/** @param filter its texts are in lower case */
function meets(frame: Frame, { direction, kind, channel, text, pings }: FrameFilter): boolean {
  if (direction !== "" && frame.direction !== direction) return false;
  if (kind !== "" && frame.kind !== kind) return false;
  if (!pings && kind === "" && isPing(frame)) return false;
  if (channel !== "" && !frame.channel?.toLowerCase().includes(channel)) return false;
  return text === "" || frame.name.toLowerCase().includes(text) || frame.text.toLowerCase().includes(text);
}

/** The frames of a log that meet a filter. Each frame is compared once, so thousands a second cost little. */
export class FilteredFrames {
  #filter: FrameFilter | undefined;
  #lowered: FrameFilter = EVERY_FRAME;
  #shown: readonly Frame[] = [];
  #last = 0;

  update(frames: readonly Frame[], filter: FrameFilter): readonly Frame[] {
    if (filter !== this.#filter) this.#begin(filter);
    const first = frames[0]?.number ?? Number.POSITIVE_INFINITY;
    const fresh = frames
      .slice(Math.max(0, this.#last + 1 - first))
      .filter((frame) => meets(frame, this.#lowered));
    this.#last = frames.at(-1)?.number ?? this.#last;
    const isTrimmed = this.#shown.length > 0 && (this.#shown[0]?.number ?? 0) < first;
    const old = isTrimmed ? this.#shown.filter(({ number }) => number >= first) : this.#shown;
    if (isTrimmed || fresh.length > 0) this.#shown = [...old, ...fresh];
    return this.#shown;
  }

  #begin(filter: FrameFilter): void {
    this.#filter = filter;
    const { channel, text } = filter;
    this.#lowered = { ...filter, channel: channel.trim().toLowerCase(), text: text.trim().toLowerCase() };
    this.#shown = [];
    this.#last = 0;
  }
}
