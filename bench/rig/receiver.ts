/** Process of the bench that holds the clients' ends of the connections and counts what arrives on them. */

import { machineUs } from "../../src/loadtest/measure/clock.ts";
import { answerCalls } from "../../src/loadtest/processes/calls.ts";
import { clientText } from "../../src/loadtest/socket/frames.ts";
import { PaceClient } from "../measure/pace.ts";
import { percentile } from "../measure/statistics.ts";
import type { ConnectPlan, Phase, ReceiverApi, RequestPlan, Tally } from "./api.ts";
import { Connection } from "./connection.ts";
import { DIALECTS, type Dialect } from "./dialects.ts";

const MAX_FAULTS = 5;
const IDLE: Phase = { perTick: 0, readEvery: 0, latency: false, firstUser: "counted", pacePort: 0 };

/** The bursts in flight, while requests are measured. */
interface RequestRun {
  burst: Buffer;
  depth: number;
  repliesPerConnection: number;
  unfinished: number;
  done: () => void;
}

class Receiver implements ReceiverApi {
  #connections: Connection[] = [];
  #dialect: Dialect = DIALECTS.plain;
  #phase: Phase = IDLE;
  #counted = 0;
  #messages = 0;
  #bytes = 0;
  #checked = 0;
  #ticks = 0;
  #latencies: number[] = [];
  #faults: string[] = [];
  #awaited: { messages: number; done: () => void } | undefined;
  #requests: RequestRun | undefined;
  #pace: PaceClient | undefined;

  async connect({ port, dialect, count, concurrency, firstUser, group }: ConnectPlan) {
    this.#dialect = DIALECTS[dialect];
    const began = performance.now();
    let next = 0;
    const openSome = async (): Promise<void> => {
      while (next < count) {
        const user = `u${firstUser + next++}`;
        this.#connections.push(await Connection.open({ port, user, dialect: this.#dialect, group }, this));
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, count) }, openSome));
    return { elapsedMs: performance.now() - began, open: this.#connections.length };
  }

  async begin(phase: Phase): Promise<null> {
    this.#phase = phase;
    this.#messages = this.#bytes = this.#checked = this.#ticks = 0;
    this.#latencies = [];
    this.#faults = [];
    this.#counted = 0;
    for (const [index, connection] of this.#connections.entries()) {
      connection.received = connection.next = 0;
      connection.reading = index % phase.readEvery === 0;
      if (!this.#isFirst(connection)) this.#counted++;
      else if (phase.firstUser === "stalled") connection.stall();
      else connection.resume();
    }
    if (phase.perTick > 0) this.#pace ??= await PaceClient.connect(phase.pacePort);
    return null;
  }

  reach({ messages }: { messages: number }): Promise<null> {
    return new Promise((resolve) => {
      this.#awaited = { messages, done: () => resolve(null) };
      this.#wakeWaiter();
    });
  }

  tally(): Tally {
    const counted = this.#connections.filter((connection) => !this.#isFirst(connection));
    const received = counted.map((connection) => connection.received).sort((a, b) => a - b);
    const sorted = Float64Array.from(this.#latencies).sort();
    return {
      connections: counted.length,
      messages: this.#messages,
      bytes: this.#bytes,
      least: received[0] ?? 0,
      most: received.at(-1) ?? 0,
      checked: this.#checked,
      latencyMs: {
        count: sorted.length,
        p50: percentile(sorted, 0.5),
        p99: percentile(sorted, 0.99),
        max: sorted.at(-1) ?? 0,
      },
      faults: this.#faults,
    };
  }

  async request({ depth, bursts }: RequestPlan) {
    await this.begin({ ...IDLE, readEvery: 100 });
    const burst = Buffer.concat(
      Array.from({ length: depth }, (_, id) => clientText(this.#dialect.request(id))),
    );
    const began = performance.now();
    await new Promise<void>((done) => {
      const unfinished = this.#connections.length;
      this.#requests = { burst, depth, repliesPerConnection: bursts * depth, unfinished, done };
      for (const connection of this.#connections) connection.send(burst);
    });
    this.#requests = undefined;
    return { replies: this.#messages, elapsedMs: performance.now() - began };
  }

  async disconnect(): Promise<null> {
    for (const connection of this.#connections) connection.close();
    this.#connections = [];
    return null;
  }

  arrived(connection: Connection, messages: number, bytes: number): void {
    if (this.#isFirst(connection)) return;
    connection.received += messages;
    this.#messages += messages;
    this.#bytes += bytes;
    if (this.#requests) this.#continueRequests(this.#requests, connection);
    if (this.#phase.perTick > 0) this.#confirmTicks();
    this.#wakeWaiter();
  }

  message(connection: Connection, text: string): void {
    if (this.#isFirst(connection)) return;
    if (this.#requests) this.#checkReply(this.#requests, connection, text);
    else this.#checkMessage(connection, text);
  }

  fault(connection: Connection, reason: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(`${connection.user}: ${reason}`);
  }

  #isFirst(connection: Connection): boolean {
    return this.#phase.firstUser !== "counted" && connection.user === "u0";
  }

  #confirmTicks(): void {
    const ticks = Math.floor(this.#messages / (this.#phase.perTick * this.#counted));
    if (ticks > this.#ticks) this.#pace?.confirm(ticks - this.#ticks);
    this.#ticks = ticks;
  }

  #wakeWaiter(): void {
    if (this.#awaited === undefined || this.#messages < this.#awaited.messages) return;
    this.#awaited.done();
    this.#awaited = undefined;
  }

  #continueRequests(run: RequestRun, connection: Connection): void {
    if (connection.received === run.repliesPerConnection) {
      if (--run.unfinished === 0) run.done();
    } else if (connection.received % run.depth === 0) connection.send(run.burst);
  }

  #checkMessage(connection: Connection, text: string): void {
    const { n, user = connection.user, at } = this.#dialect.data(text);
    if (n !== connection.next || user !== connection.user)
      this.fault(connection, `expected message ${connection.next}, got ${text}`);
    if (this.#phase.latency && at !== undefined) this.#latencies.push((machineUs() - at) / 1000);
    connection.next = n + 1;
    this.#checked++;
  }

  /** Replies may come in any order; `next` holds one bit for each id of the burst that has been answered. */
  #checkReply({ depth }: RequestRun, connection: Connection, text: string): void {
    const bit = 1 << this.#dialect.replyId(text);
    if (bit >= 1 << depth || connection.next & bit) this.fault(connection, `unexpected reply ${text}`);
    connection.next |= bit;
    if (connection.next === (1 << depth) - 1) connection.next = 0;
    this.#checked++;
  }
}

const receiver = new Receiver();
answerCalls<ReceiverApi>({
  connect: (plan) => receiver.connect(plan),
  begin: (phase) => receiver.begin(phase),
  reach: (goal) => receiver.reach(goal),
  tally: () => receiver.tally(),
  request: (plan) => receiver.request(plan),
  disconnect: () => receiver.disconnect(),
});
