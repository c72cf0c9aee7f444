import type { Client, Pending } from "../clients/client.ts";
import type { Sent } from "../measure/arrivals.ts";
import { Intervals } from "../measure/intervals.ts";
import { writeMarker } from "../measure/marker.ts";
import type { Stream } from "../plan.ts";

/** Something that messages go out by: a client, or the HTTP API. */
export interface Sender {
  readonly isOpen: boolean;
  readonly pending: number;
  /** Bytes that wait in this process, because the server does not take them. */
  readonly unsentBytes: number;
  send(stream: Stream, data: string, pending: Pending): void;
}

/** Messages that wait for an answer, of one sender. Beyond them nothing is sent, so that the tester's memory is bounded. */
const MOST_PENDING = 10_000;

/** Bytes that wait in this process, of one sender: messages may be large, and not every server answers them. */
const MOST_BYTES = 16 * 1024 * 1024;

interface Flow {
  readonly stream: Stream;
  readonly sender: Sender;
  next: number;
  /** Numbers that the server did not take. */
  excused: Intervals | undefined;
}

/** Numbers the messages of the streams, and knows which the server took. */
export class Outbox {
  readonly #flows: Flow[] = [];
  readonly #byStream = new Map<number, Flow>();
  readonly #prefix: string;
  readonly #size: number;
  #turn = 0;

  constructor(prefix: string, size: number) {
    this.#prefix = prefix;
    this.#size = size;
  }

  get streams(): number {
    return this.#flows.length;
  }

  add(stream: Stream, sender: Sender): void {
    const flow: Flow = { stream, sender, next: 0, excused: undefined };
    this.#flows.push(flow);
    this.#byStream.set(stream.id, flow);
  }

  /** Sends the next message of the next stream whose sender can. @returns false when none can */
  send(plannedUs: number, now: () => number): boolean {
    for (const _ of this.#flows) {
      const flow = this.#flows[this.#turn++ % this.#flows.length];
      if (flow === undefined || !isReady(flow.sender)) continue;
      const number = flow.next++;
      const marker = { stream: flow.stream.id, number, plannedUs, sentUs: now() };
      const data = writeMarker(this.#prefix, marker, this.#size);
      flow.sender.send(flow.stream, data, { stream: flow.stream.id, number, plannedUs });
      return true;
    }
    return false;
  }

  /** A message that the server refused, or whose fate is unknown, is no loss. */
  excuse({ stream, number }: Pending): void {
    const flow = this.#byStream.get(stream);
    if (flow === undefined) return;
    flow.excused ??= new Intervals();
    if (!flow.excused.has(number)) flow.excused.add(number, number);
  }

  sent(): Sent[] {
    return this.#flows.map(({ stream, next, excused }) => ({
      stream: stream.id,
      next,
      excused: excused?.encode() ?? [],
      forgotten: excused?.forgotten ?? 0,
    }));
  }
}

const isReady = ({ isOpen, pending, unsentBytes }: Sender): boolean =>
  isOpen && pending < MOST_PENDING && unsentBytes <= MOST_BYTES;

/** Tells the outbox of the messages of a client that broke. @returns how many there were */
export function excusePending(client: Pick<Client, "takePending">, outbox: Outbox): number {
  const pending = client.takePending();
  for (const each of pending) outbox.excuse(each);
  return pending.length;
}
