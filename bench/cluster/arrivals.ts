import { machineUs } from "../../src/loadtest/measure/clock.ts";
import { PaceClient } from "../measure/pace.ts";
import { percentile } from "../measure/statistics.ts";
import type { BenchData, Tally } from "../rig/rig.ts";
import type { ArrivalPhase } from "./api.ts";

const MAX_FAULTS = 5;
const USER_AT = "user:u".length;
const NUMBER_AT = '{"n":'.length;

/**
 * Counts what arrives on a node for users without sockets. Every message is checked: each once, in order, for its user.
 */
export class Arrivals {
  /** By user: the number that the next message must carry. */
  #next = new Int32Array(0);
  #phase: ArrivalPhase = { chunk: 0, pacePort: 0, timeEvery: 0 };
  #messages = 0;
  #latencies: number[] = [];
  #faults: string[] = [];
  #awaited: { messages: number; done: () => void } | undefined;
  #pace: PaceClient | undefined;

  expect(users: number): void {
    this.#next = new Int32Array(users);
  }

  async begin(phase: ArrivalPhase): Promise<void> {
    this.#phase = phase;
    this.#next.fill(0);
    this.#messages = 0;
    this.#latencies = [];
    this.#faults = [];
    if (phase.chunk > 0) this.#pace ??= await PaceClient.connect(phase.pacePort);
  }

  reach(messages: number): Promise<void> {
    return new Promise((done) => {
      this.#awaited = { messages, done };
      this.#wakeWaiter();
    });
  }

  /** A message as a hub gets it: its data stays text, since a hub does not read it either. */
  message(channel: string, body: string): void {
    const user = numberAt(channel, USER_AT);
    const { timeEvery } = this.#phase;
    const at = timeEvery > 0 && user % timeEvery === 0 ? (JSON.parse(body) as BenchData).at : undefined;
    this.#arrived(user, numberAt(body, NUMBER_AT), at);
  }

  /** A message whose data was parsed. */
  data({ n, user = "", at }: BenchData): void {
    const index = numberAt(user, 1);
    const { timeEvery } = this.#phase;
    this.#arrived(index, n, timeEvery > 0 && index % timeEvery === 0 ? at : undefined);
  }

  tally(): Tally {
    const received = this.#next.toSorted();
    const sorted = Float64Array.from(this.#latencies).sort();
    return {
      connections: received.length,
      messages: this.#messages,
      bytes: 0, // no socket is involved
      least: received[0] ?? 0,
      most: received.at(-1) ?? 0,
      checked: this.#messages,
      latencyMs: {
        count: sorted.length,
        p50: percentile(sorted, 0.5),
        p99: percentile(sorted, 0.99),
        max: sorted.at(-1) ?? 0,
      },
      faults: this.#faults,
    };
  }

  #arrived(user: number, n: number, at: number | undefined): void {
    if (n !== this.#next[user] && this.#faults.length < MAX_FAULTS)
      this.#faults.push(`u${user}: expected message ${this.#next[user]}, got ${n}`);
    this.#next[user] = n + 1;
    if (at !== undefined) this.#latencies.push((machineUs() - at) / 1000);
    this.#messages++;
    const { chunk } = this.#phase;
    if (chunk > 0 && this.#messages % chunk === 0) this.#pace?.confirm(1);
    if (this.#awaited !== undefined) this.#wakeWaiter();
  }

  #wakeWaiter(): void {
    if (this.#awaited === undefined || this.#messages < this.#awaited.messages) return;
    this.#awaited.done();
    this.#awaited = undefined;
  }
}

/**
 * Reads the number that begins at an index of a text. Parsing the JSON would cost ten times as much, during the
 * measurement.
 */
function numberAt(text: string, start: number): number {
  let value = 0;
  for (let at = start; ; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return value;
    value = value * 10 + digit;
  }
}
