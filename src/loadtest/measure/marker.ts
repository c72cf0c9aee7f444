/** What a message of the load tester says about itself. Times are microseconds since the run began. */
export interface Marker {
  readonly stream: number;
  readonly number: number;
  /** When the schedule wanted the message to be sent. */
  readonly plannedUs: number;
  /** When it was sent. */
  readonly sentUs: number;
}

/** Bytes of a marker at most: shorter messages cannot be told apart. */
export const MARKER_BYTES = 64;

/** Text that begins each message of a run: messages of others, and of an earlier run, are not ours. */
export const prefixOf = (run: string): string => `tb${run}:`;

/** Writes the marker of a message, filled up to `size` bytes. All characters are plain ASCII, also inside JSON. */
export function writeMarker(
  prefix: string,
  { stream, number, plannedUs, sentUs }: Marker,
  size: number,
): string {
  return `${prefix}${stream}:${number}:${plannedUs}:${sentUs};`.padEnd(size, "x");
}

/** Finds the marker in a text. @returns undefined when the text is no message of this run */
export function readMarker(prefix: string, text: string): Marker | undefined {
  const begin = text.indexOf(prefix);
  const end = begin < 0 ? -1 : text.indexOf(";", begin);
  if (end < 0) return undefined;
  const [stream, number, plannedUs, sentUs] = text
    .slice(begin + prefix.length, end)
    .split(":")
    .map(Number);
  if (stream === undefined || number === undefined || plannedUs === undefined || sentUs === undefined)
    return undefined;
  const isWhole = Number.isInteger(stream) && Number.isInteger(number);
  return isWhole && Number.isFinite(plannedUs) && Number.isFinite(sentUs)
    ? { stream, number, plannedUs, sentUs }
    : undefined;
}
