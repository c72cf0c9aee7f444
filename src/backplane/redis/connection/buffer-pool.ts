/**
 * Memory for texts on their way to Redis, which is used again: V8 gives memory outside its heap back late, often in a major collection only. At
 * 60,000 messages per second there was one every half second, some 10 ms long. Sizes are powers of two, so what waits for a Redis that hangs takes at most
 * twice its length.
 */
const LARGEST_BYTES = 256 * 1_024;
/** Of each size: 8 MiB in all. */
const MAX_FREE = 16;

/** By the logarithm of their size. */
const free: Buffer[][] = Array.from({ length: 32 - Math.clz32(LARGEST_BYTES) }, () => []);

/** A buffer of at least so many bytes, which are one or more, with anything in it. */
export function takeBuffer(bytes: number): Buffer {
  if (bytes > LARGEST_BYTES) return Buffer.allocUnsafeSlow(bytes);
  const power = 32 - Math.clz32(bytes - 1);
  return free[power]?.pop() ?? Buffer.allocUnsafeSlow(2 ** power);
}

/** To be called when Redis has answered: until then the buffer may be on its way. */
export function giveBuffer(buffer: Buffer): void {
  if (buffer.length > LARGEST_BYTES) return;
  const same = free[31 - Math.clz32(buffer.length)];
  if (same !== undefined && same.length < MAX_FREE) same.push(buffer);
}
