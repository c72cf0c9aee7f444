import { type Arrival, Arrivals, type Sent } from "../measure/arrivals.ts";
import type { Role } from "../plan.ts";

/** What the clients of a process got: each stream of each receiver by itself. */
export class Inbox {
  /** By client and stream. Without an entry nothing has come, or the stream is not for the client. */
  readonly #arrivals = new Map<number, Map<number, Arrivals>>();
  #sent: ReadonlyMap<number, Sent> = new Map();

  add(role: Role): void {
    if (role.receives.length === 0) return;
    this.#arrivals.set(role.index, new Map(role.receives.map((stream) => [stream, new Arrivals()])));
  }

  /** The client need not get anything any more. */
  forget({ index }: Role): void {
    this.#arrivals.delete(index);
  }

  /** @returns undefined when the message is not for this client */
  take({ index }: Role, stream: number, number: number): Arrival | undefined {
    return this.#arrivals.get(index)?.get(stream)?.take(number);
  }

  /** Takes what was sent on all streams. */
  expect(sent: readonly Sent[]): void {
    this.#sent = new Map(sent.map((each) => [each.stream, each]));
  }

  /** @returns how many messages the receivers had to get, and how many of them they did not */
  settle(): { expected: number; lost: number } {
    let expected = 0;
    let lost = 0;
    for (const arrivals of this.#arrivals.values()) {
      for (const [stream, each] of arrivals) {
        const of = this.#sent.get(stream);
        if (of === undefined) continue;
        const missing = each.lost(of);
        lost += missing;
        // What came although its answer did not was sent all the same.
        expected += each.taken + missing;
      }
    }
    return { expected, lost };
  }
}
