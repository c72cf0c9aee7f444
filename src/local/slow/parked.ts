/** A frame beyond the bounds of a queue that waits for room, and the functions to call when it times out. */
export interface Parked {
  readonly frame: Buffer;
  readonly dropped: (() => void)[];
}
