import { clientText } from "../rig/rig.ts";
import type { Crowd } from "./crowd.ts";

/** A request, by the monotonic clock. */
interface Answered {
  readonly dueAt: number;
  readonly answeredAt: number;
}

/**
 * Clients that ask who is online, one every few milliseconds. An answer's latency counts from when its request was due: while the server holds the
 * process, the client's end cannot send either, and such a request waits all the same.
 */
export class Probe {
  readonly #crowd: Crowd;
  readonly #numbers: readonly number[];
  readonly #everyMs: number;
  /** When the requests without an answer were due, by their ids. */
  readonly #dueAt = new Map<number, number>();
  readonly #answered: Answered[] = [];
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #sent = 0;

  /** @param numbers of the clients that ask */
  constructor(crowd: Crowd, numbers: readonly number[], everyMs: number) {
    this.#crowd = crowd;
    this.#numbers = numbers;
    this.#everyMs = everyMs;
    for (const number of numbers) crowd.read(number, (text) => this.#take(text));
  }

  start(): void {
    this.#startedAt = performance.now() - this.#sent * this.#everyMs;
    this.#timer = setInterval(() => this.#send(), 1);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Number of requests without an answer. */
  get waiting(): number {
    return this.#dueAt.size;
  }

  /** Latencies of requests that were due within the given stretches of time, in milliseconds, sorted. */
  latencies(stretches: readonly (readonly [from: number, to: number])[]): number[] {
    const isWithin = (moment: number): boolean =>
      stretches.some(([from, to]) => moment >= from && moment < to);
    const within = this.#answered.filter(({ dueAt }) => isWithin(dueAt));
    return within.map(({ dueAt, answeredAt }) => answeredAt - dueAt).sort((one, other) => one - other);
  }

  #send(): void {
    const now = performance.now();
    for (;;) {
      const dueAt = this.#startedAt + this.#sent * this.#everyMs;
      if (dueAt > now) return;
      const number = this.#numbers[this.#sent % this.#numbers.length] ?? 0;
      this.#dueAt.set(++this.#sent, dueAt);
      const data = { users: [`user-${number}`] };
      this.#crowd.send(number, clientText(JSON.stringify({ id: this.#sent, action: "presence.get", data })));
    }
  }

  #take(text: string): void {
    const id = Number(/^\{"id":(\d+),"data":/.exec(text)?.[1]);
    const dueAt = this.#dueAt.get(id);
    if (dueAt === undefined) return; // a broadcast
    this.#dueAt.delete(id);
    this.#answered.push({ dueAt, answeredAt: performance.now() });
  }
}
