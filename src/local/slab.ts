/** Holds the joins of many slow sockets, and is small enough to lose to one. */
const SLAB_BYTES = 256 * 1024;

/** Scratch memory for bytes that most often leave with the write call and are needed no longer. */
export class Slab {
  #memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #taken = 0;

  /** Bytes to fill and write at once; they are valid until the next `take`, unless `keep` is called. */
  take(bytes: number): Buffer {
    if (bytes > SLAB_BYTES / 4) return Buffer.allocUnsafeSlow(bytes);
    if (this.#start + bytes > SLAB_BYTES) {
      this.#memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#start = 0;
    }
    this.#taken = bytes;
    return this.#memory.subarray(this.#start, this.#start + bytes);
  }

  /** The kernel did not accept the last piece at once: its memory now belongs to the socket. */
  keep(): void {
    this.#start += this.#taken;
    this.#taken = 0;
  }
}
