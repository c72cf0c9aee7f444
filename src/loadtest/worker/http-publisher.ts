import { type ClientRequest, Agent as HttpAgent, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { type Pending, plain } from "../clients/client.ts";
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
  readonly #isSecure: boolean;
  readonly #url: URL;
  readonly #agent: HttpAgent;
  readonly #lookup: LookupFunction;
  readonly #queues = new Map<number, Job[]>();
  /** Aborts the requests in flight. */
  readonly #inFlight = new Set<() => void>();
  #pending = 0;
  /** Of the messages without an answer: their texts are kept until then. */
  #unsentBytes = 0;
  #isClosed = false;

  /** @param http base of the target's HTTP API */
  constructor(options: HttpPublisherOptions, { path, endpoint }: Target, http: string) {
    this.#options = options;
    this.#url = new URL(http);
    this.#url.pathname = `${path.replace(/[?#].*/s, "").replace(/\/+$/, "")}/message`; // the path has that of the base
    this.#lookup = lookupOf(endpoint.host);
    this.#isSecure = this.#url.protocol === "https:";
    const settings = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.#agent = this.#isSecure ? new HttpsAgent(settings) : new HttpAgent(settings);
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
    this.#agent.destroy();
    for (const job of [...this.#queues.values()].flatMap((queue) => queue.splice(0)))
      this.#told(job, "not sent before the end");
    for (const giveUp of [...this.#inFlight]) giveUp();
  }

  #post(stream: number, job: Job): void {
    const headers: Record<string, string | number> = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(job.body),
    };
    if (this.#options.apiKey !== undefined) headers["x-api-key"] = this.#options.apiKey;
    const send = this.#isSecure ? requestHttps : requestHttp;
    const request = send(this.#url, { method: "POST", agent: this.#agent, lookup: this.#lookup, headers });
    const giveUp = (): void => answer("no answer before the end");
    this.#inFlight.add(giveUp);
    const answer = (refusal?: string): void => {
      if (this.#inFlight.delete(giveUp)) this.#answered(stream, job, refusal);
    };
    readAnswer(request, answer);
    request.end(job.body);
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

/** Leads every name to the address that was checked when the target was read. */
function lookupOf(address: string): LookupFunction {
  const family = isIP(address);
  return (_name, { all }, callback) => {
    if (all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

function readAnswer(request: ClientRequest, answer: (refusal?: string) => void): void {
  request.on("error", (error) => answer("code" in error ? String(error.code) : error.message));
  request.on("response", (response) => {
    const status = response.statusCode ?? 0;
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => {
      if (text.length < 1_000) text += part;
    });
    response.on("error", (error) => answer(error.message));
    response.on("end", () => {
      if (status === 200) return answer();
      const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? "";
      answer(`HTTP ${status}${message === "" ? "" : `: ${plain(message)}`}`);
    });
  });
}
