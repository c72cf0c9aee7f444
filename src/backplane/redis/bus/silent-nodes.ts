/**
 * A node that is not heard of for so many hails is forgotten. With the default heartbeat that is two hours: by then no
 * key in Redis names a dead node any more.
 */
const MAX_HAILS = 720;

/**
 * Nodes that did not answer a request in time. No request waits for them again until something is heard of them.
 * Otherwise each login would wait for a node that was killed, until the registry declares it dead.
 *
 * Not to wait loses no stored message: the script that changes the nodes of a channel also renames its list, so an
 * outdated append target finds no list, whatever its node has heard. An ephemeral message is sent by a cached route. A
 * dead node sends none. A node that was stopped clears its cache before it sends (directory.ts), and one that was cut
 * off from Redis clears it in its recovery. Connections that it kept are compared with Redis then.
 */
export class SilentNodes {
  /** Token → number of hails without an answer. */
  readonly #hails = new Map<string, number>();
  readonly #listeners: ((token: string) => void)[] = [];
  readonly #isOwn: (token: string) => boolean;

  /** @param isOwn true for the token of this node, which is never silent */
  constructor(isOwn: (token: string) => boolean) {
    this.#isOwn = isOwn;
  }

  has(token: string): boolean {
    return this.#hails.has(token);
  }

  /** Calls a function with each node that becomes silent. */
  onSilent(listener: (token: string) => void): void {
    this.#listeners.push(listener);
  }

  /** A node did not answer in time. */
  add(token: string): void {
    if (this.#hails.has(token) || this.#isOwn(token)) return;
    this.#hails.set(token, 0);
    for (const listener of this.#listeners) listener(token);
  }

  /** Something was heard of a node. */
  heard(token: string): void {
    this.#hails.delete(token);
  }

  /** After an outage: the node itself may have been the one that heard nothing. */
  clear(): void {
    this.#hails.clear();
  }

  /** Counts a hail of each silent node. @returns the nodes to hail */
  hail(): string[] {
    const silent = [...this.#hails];
    for (const [token, hails] of silent) {
      if (hails === MAX_HAILS) this.#hails.delete(token);
      else this.#hails.set(token, hails + 1);
    }
    return silent.map(([token]) => token);
  }
}
