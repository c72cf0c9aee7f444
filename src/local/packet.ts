import { type Compression, deflateFrame, textFrame } from "./frame.ts";

/** One text as frames that all connections share. The first use encodes and compresses it. */
export class Packet {
  readonly #text: () => string;
  #plain: Buffer | undefined;
  #deflated: Buffer | undefined;

  constructor(text: () => string) {
    this.#text = text;
  }

  get plain(): Buffer {
    this.#plain ??= textFrame(this.#text());
    return this.#plain;
  }

  deflated(compression: Compression): Buffer {
    this.#deflated ??= deflateFrame(this.plain, compression);
    return this.#deflated;
  }
}
