import { randomFillSync } from "node:crypto";

/** Bytes of an id: no two connections ever get the same 96 bits. */
const ID_BYTES = 12;

/** Ids for which the random generator is asked once: a call takes as long for one of them as for many. */
const IDS_PER_CALL = 256;

/** Makes the ids of connections: 16 random characters, from which nobody can derive another one. */
export class ConnectionIds {
  readonly #bytes = Buffer.allocUnsafeSlow(ID_BYTES * IDS_PER_CALL);
  #used = this.#bytes.length;

  next(): string {
    if (this.#used === this.#bytes.length) {
      randomFillSync(this.#bytes);
      this.#used = 0;
    }
    this.#used += ID_BYTES;
    return this.#bytes.toString("base64url", this.#used - ID_BYTES, this.#used);
  }
}
