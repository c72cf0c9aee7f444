import { type Compression, deflateFrame, textFrame } from "./frame.ts";

/** One text prepared once for every connection: encoded when the first one needs it, compressed when the first one can read that. */
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
