import type { Direction } from "../../model/frames/frames.ts";

const TIME = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** `14:03:05.120` */
export const timeText = (at: number): string => TIME.format(at);

/** `812 B`, `1.4 KiB` */
export const sizeText = (bytes: number): string =>
  bytes < 1_024 ? `${bytes} B` : `${(bytes / 1_024).toFixed(1)} KiB`;

export const durationText = (ms: number): string =>
  ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`;

export const ARROWS: Readonly<Record<Direction, string>> = { in: "↓", out: "↑", link: "•" };

export const DIRECTION_WORDS: Readonly<Record<Direction, string>> = {
  in: "in",
  out: "out",
  link: "connection",
};
