/** Longer than any admission takes, in milliseconds. */
const KEPT_MS = 60_000;

/**
 * Users who were blocked a moment ago. A login that Redis admitted before the block may become a connection of this node only after
 * the order to close the user's connections.
 */
export class Blocks {
  /** Time of the last block of each user, by the monotonic clock; the longest ago first. */
  readonly #blockedAt = new Map<string, number>();

  note(user: string): void {
    const now = performance.now();
    for (const [other, at] of this.#blockedAt) {
      if (now - at < KEPT_MS) break;
      this.#blockedAt.delete(other);
    }
    this.#blockedAt.delete(user);
    this.#blockedAt.set(user, now);
  }

  /** @param startedAt when the admission began, by the monotonic clock */
  hasSince(user: string, startedAt: number): boolean {
    const at = this.#blockedAt.get(user);
    return at !== undefined && at >= startedAt;
  }
}
