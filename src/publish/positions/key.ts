import { randomBytes } from "node:crypto";

/** RFC 2104 section 3: a key as long as the hash. */
const KEY_BYTES = 32;

/** Keys of which proofs are accepted. There is another one only after the backplane has lost its data, and a new node has made one. */
const MAX_KEYS = 4;

/**
 * Key of the proofs in positions. All nodes share it by the backplane, and it lives as long as what the backplane keeps. It is made when a hub
 * needs it first: with the settings of the default policy never.
 */
export class PositionKey {
  readonly #share: (value: string) => Promise<void>;
  readonly #report: (stage: string, error: unknown) => void;
  #keys: readonly Buffer[] = [];
  #making: Promise<void> | undefined;

  /** @param share gives all nodes a value unless they have one; {@link changed} hears of that in force before the promise resolves */
  constructor(share: (value: string) => Promise<void>, report: (stage: string, error: unknown) => void) {
    this.#share = share;
    this.#report = report;
  }

  /** The key of new proofs; undefined before `ready`. */
  get current(): Buffer | undefined {
    return this.#keys[0];
  }

  /** Keys of proofs that are valid, the current one first. */
  get all(): readonly Buffer[] {
    return this.#keys;
  }

  /** Takes the value that is in force. One that another version has made, and this one does not know, is reported. */
  changed(value: string): void {
    const key = keyIn(value);
    if (key === undefined) this.#report("key of positions", new Error("expected a key of 32 bytes"));
    else this.#keys = [key, ...this.#keys.filter((known) => !known.equals(key))].slice(0, MAX_KEYS);
  }

  /** Resolves when there is a key. @throws TidingsError `unavailable` without the backplane */
  async ready(): Promise<void> {
    if (this.current !== undefined) return;
    this.#making ??= this.#share(JSON.stringify(randomBytes(KEY_BYTES).toString("base64url"))).finally(() => {
      this.#making = undefined;
    });
    // Another node may have made one meanwhile.
    await this.#making.catch((error: unknown) => {
      if (this.current === undefined) throw error;
    });
  }
}

function keyIn(value: string): Buffer | undefined {
  try {
    const key = Buffer.from(JSON.parse(value), "base64url");
    return key.length === KEY_BYTES ? key : undefined;
  } catch {
    return undefined;
  }
}
