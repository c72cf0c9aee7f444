import type { Pending } from "../clients/client.ts";
import { HttpCaller } from "../clients/http-caller.ts";
import type { Plan, Stream, Target } from "../plan.ts";
import type { Sender } from "./outbox.ts";

/** Sockets of one process. */
const MAX_SOCKETS = 32;

interface Job {
  readonly body: string;
  readonly pending: Pending;
}

export interface HttpPublisherOptions {
  readonly plan: Plan;
  readonly apiKey?: string | undefined;
  /** The server took a message, or refused it. */
  readonly answered: (pending: Pending, refusal?: string) => void;
}

/**
 * Publishes by `POST /ws/message`, or below another path of the WebSocket. Messages of one stream wait for each other: requests in
 * flight together have no order.
 */
export class HttpPublisher implements Sender {
  readonly isOpen = true;
  readonly #options: HttpPublisherOptions;
  readonly #caller: HttpCaller;
  readonly #path: string;
  readonly #queues = new Map<number, Job[]>();
  #pending = 0;
  /** Of the messages without an answer: their texts are kept until then. */
  #unsentBytes = 0;
  #isClosed = false;

  /** @param http base of the target's HTTP API */
  constructor(options: HttpPublisherOptions, target: Target, http: string) {
    this.#options = options;
    this.#caller = new HttpCaller(http, target, options.apiKey, MAX_SOCKETS);
    this.#path = `${target.path.replace(/[?#].*/s, "").replace(/\/+$/, "")}/message`;
  }

  get pending(): number {
    return this.#pending;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  send({ id, to, group }: Stream, data: string, pending: Pending): void {
    const { ephemeral } = this.#options.plan;
    const job = { body: JSON.stringify({ type: "bench", to, group, data, ephemeral }), pending };
    this.#pending++;
    this.#unsentBytes += job.body.length;
    const queue = this.#queues.get(id);
    if (queue !== undefined) return void queue.push(job);
    this.#queues.set(id, []);
    this.#post(id, job);
  }

  /** Ends what is under way. Its messages, and those that wait, are told as refused. */
  close(): void {
    this.#isClosed = true;
    for (const job of [...this.#queues.values()].flatMap((queue) => queue.splice(0)))
      this.#told(job, "not sent before the end");
    this.#caller.close();
  }

  #post(stream: number, job: Job): void {
    const call = { method: "POST", path: this.#path, body: job.body } as const;
    this.#caller.call(call, (refusal) => this.#answered(stream, job, refusal));
  }

  #answered(stream: number, job: Job, refusal: string | undefined): void {
    this.#told(job, refusal);
    const next = this.#queues.get(stream)?.shift();
    if (next === undefined || this.#isClosed) this.#queues.delete(stream);
    else this.#post(stream, next);
  }

  #told({ body, pending }: Job, refusal: string | undefined): void {
    this.#pending--;
    this.#unsentBytes -= body.length;
    this.#options.answered(pending, refusal);
  }
}
