import type { Frame } from "./frame.ts";

/** Writes frames as lines of JSON, for a report or a further program. */
export function framesAsText(frames: readonly Frame[]): string {
  return frames.map(lineOf).join("\n");
}

function lineOf({ at, direction, kind, name, channel, bytes, text, isCut }: Frame): string {
  const time = new Date(at).toISOString();
  return JSON.stringify({ time, direction, kind, name, channel, bytes, text, ...(isCut && { isCut }) });
}
