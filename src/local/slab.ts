/** Large enough for the joined frames of many sockets, small enough to leave to one slow socket. */
const SLAB_BYTES = 256 * 1024;

/** Scratch memory for joined frames. Most writes complete within the call, so the next write may reuse it. */
export class Slab {
  #memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #taken = 0;

  /** Takes bytes to fill and write at once. They are valid until the next `take`, unless `keep` is called. */
  take(bytes: number): Buffer {
    if (bytes > SLAB_BYTES / 4) return Buffer.allocUnsafeSlow(bytes);
    if (this.#start + bytes > SLAB_BYTES) {
      this.#memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#start = 0;
    }
    this.#taken = bytes;
    return this.#memory.subarray(this.#start, this.#start + bytes);
  }

  /** Leaves the last bytes to the socket, when the kernel did not accept them at once. */
  keep(): void {
    this.#start += this.#taken;
    this.#taken = 0;
  }
}
