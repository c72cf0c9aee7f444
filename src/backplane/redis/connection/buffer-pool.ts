/**
 * A pool of buffers for payloads to Redis. V8 frees memory outside its heap late, often in a major collection only:
 * without the pool a node that sent 60,000 messages per second had one every half second, some 10 ms long. Sizes are
 * powers of two, so payloads that wait for a hanging Redis take at most twice their length.
 */
const LARGEST_BYTES = 256 * 1_024;
/** Free buffers kept of each size: 8 MiB in all. */
const MAX_FREE = 16;

/** Free buffers by the logarithm of their size. */
const free: Buffer[][] = Array.from({ length: 32 - Math.clz32(LARGEST_BYTES) }, () => []);

/** Takes a buffer of at least `bytes` (one or more). Its content is arbitrary. */
export function takeBuffer(bytes: number): Buffer {
  if (bytes > LARGEST_BYTES) return Buffer.allocUnsafeSlow(bytes);
  const power = 32 - Math.clz32(bytes - 1);
  return free[power]?.pop() ?? Buffer.allocUnsafeSlow(2 ** power);
}

/**
 * Gives a buffer back. Must be called only when Redis has answered: until then the socket may still read the buffer.
 */
export function giveBuffer(buffer: Buffer): void {
  if (buffer.length > LARGEST_BYTES) return;
  const same = free[31 - Math.clz32(buffer.length)];
  if (same !== undefined && same.length < MAX_FREE) same.push(buffer);
}
