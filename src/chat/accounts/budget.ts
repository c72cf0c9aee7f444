import { TidingsError } from "../../index.ts";
import type { Core } from "../core.ts";

const HOUR_MS = 3_600_000;

/** Users whose bytes are remembered. */
const MOST_USERS = 100_000;

/** Added to each message, as the hub does. */
const OVERHEAD = 512;

interface Spent {
  bytes: number;
  readonly since: number;
}

/**
 * Bytes that users write within an hour by `send`, on this node: the hub counts what clients publish, and takes a `send` for a message of the
 * application. The limit is that of the hub, `publish.storedBytesPerHour`.
 */
export class Budget {
  readonly #most: number;
  readonly #spent = new Map<string, Spent>();

  constructor({ hub }: Core) {
    this.#most = hub.config.publish.storedBytesPerHour;
  }

  /** @throws TidingsError `rate_limited` with the time to wait */
  spend(user: string, data: object): void {
    if (this.#most === 0) return;
    const now = Date.now();
    const spent = this.#current(user, now);
    const bytes = Buffer.byteLength(JSON.stringify(data)) + OVERHEAD;
    if (spent.bytes + bytes > this.#most) {
      const retryAfterMs = spent.since + HOUR_MS - now;
      throw new TidingsError("rate_limited", "you have written too much within an hour", { retryAfterMs });
    }
    spent.bytes += bytes;
  }

  #current(user: string, now: number): Spent {
    const known = this.#spent.get(user);
    if (known !== undefined && known.since + HOUR_MS > now) return known;
    const fresh = { bytes: 0, since: now };
    this.#spent.delete(user);
    this.#spent.set(user, fresh);
    // The oldest is forgotten: that user may begin again.
    const [oldest = user] = this.#spent.keys();
    if (this.#spent.size > MOST_USERS) this.#spent.delete(oldest);
    return fresh;
  }
}
