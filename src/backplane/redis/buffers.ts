/**
 * Memory for texts on their way to Redis, which is used again: V8 gives memory outside its heap back late, often in a major collection only. At
 * 60,000 messages per second there was one every half second, some 10 ms long.
 */
const BUFFER_BYTES = 256 * 1_024;
const MAX_FREE = 16;

const free: Buffer[] = [];

/** A buffer of at least so many bytes, with anything in it. */
export function takeBuffer(bytes: number): Buffer {
  if (bytes > BUFFER_BYTES) return Buffer.allocUnsafeSlow(bytes);
  return free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
}

/** To be called when Redis has answered: until then the buffer may be on its way. */
export function giveBuffer(buffer: Buffer): void {
  if (buffer.length === BUFFER_BYTES && free.length < MAX_FREE) free.push(buffer);
}
