/** Dead incarnations that are remembered. Beyond it all are forgotten, and found out again. */
const MAX_DEAF = 1_000;

/** Nodes of a route, and how many of them are not this one. */
interface Nodes {
  /** Tokens, separated by spaces. */
  readonly members: string;
  readonly others: number;
}

/**
 * Nodes whose inbox had no subscriber at the last PUBLISH: they were killed, or are cut off from Redis. Messages are
 * still sent to them, which finds out when they hear again; but no receipt counts them. On Redis Cluster the reply to a
 * PUBLISH tells only of one node of Redis, so nothing is known there.
 */
export class DeafNodes {
  readonly #deaf = new Set<string>();
  readonly #own: () => string;
  readonly #isKnown: boolean;

  /** @param own token of this node */
  constructor(own: () => string, isCluster: boolean) {
    this.#own = own;
    this.#isKnown = !isCluster;
  }

  /** Takes in the reply of a PUBLISH. @param subscribers of the node's inbox */
  published(token: string, subscribers: number): void {
    if (subscribers > 0) this.#deaf.delete(token);
    else if (subscribers === 0 && this.#isKnown) this.#add(token); // a failure says nothing
  }

  /** Takes in the reply of a script that has published to some nodes. @param deaf those without a subscriber */
  publishedToAll(tokens: Iterable<string>, deaf: readonly string[]): void {
    if (this.#deaf.size > 0) for (const token of tokens) this.#deaf.delete(token);
    if (this.#isKnown) for (const token of deaf) this.#add(token);
  }

  has(token: string): boolean {
    return this.#deaf.has(token);
  }

  /** Number of nodes of a route that hear. */
  hearingIn(route: readonly string[]): number {
    if (this.#deaf.size === 0) return route.length;
    return route.reduce((count, token) => (this.#deaf.has(token) ? count : count + 1), 0);
  }

  /** Number of other nodes that hear. */
  othersIn({ members, others }: Nodes): number {
    if (this.#deaf.size === 0 || others === 0) return others;
    const own = this.#own();
    return this.hearingIn(members.split(" ").filter((token) => token !== own));
  }

  #add(token: string): void {
    if (this.#deaf.size === MAX_DEAF) this.#deaf.clear();
    this.#deaf.add(token);
  }
}
