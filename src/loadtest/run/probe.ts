import { type ClientListener, type Pending, wordsOf } from "../clients/client.ts";
import { HttpCaller } from "../clients/http-caller.ts";
import { TidingsClient } from "../clients/tidings-client.ts";
import { Counter, type Counts } from "../measure/counted.ts";
import { Histogram, inMs, type Percentiles } from "../measure/histogram.ts";
import { prefixOf } from "../measure/marker.ts";
import { clientsOf, type Plan, userOf } from "../plan.ts";
import type { Credentials } from "../worker/api.ts";
import type { TokensOf } from "../worker/load-worker.ts";
import { Schedule } from "../worker/schedule.ts";

/** How long others wait while the run goes on, in milliseconds from their planned times. */
export interface Waits {
  /** Of the request `robot.ping` on a connection that gets no messages of the run. */
  readonly request: Percentiles;
  /** Of `GET /users/:user/connections`. Without an API key only in development mode. */
  readonly call: Percentiles;
  /** Requests and calls that failed, by reason. */
  readonly errors: Counts;
}

export interface ProbeOptions {
  readonly plan: Plan;
  readonly credentials: Credentials;
  readonly tokensOf: TokensOf;
  readonly apiKey?: string | undefined;
  /** Milliseconds since the run began. */
  readonly now: () => number;
}

/** Sockets of its calls: more at once mean that the server has fallen behind, and then the planned times tell the wait. */
const MAX_SOCKETS = 16;

/** Pause between two looks at what is missing. */
const LOOK_MS = 20;

/** A client of its own in the process that leads the run, so that the waits are none of the tester's busy processes. */
export class Probe implements ClientListener {
  readonly #options: ProbeOptions;
  readonly #client: TidingsClient;
  readonly #caller: HttpCaller | undefined;
  readonly #path: string;
  readonly #requests = new Histogram();
  readonly #calls = new Histogram();
  readonly #errors = new Counter();
  readonly #opened = Promise.withResolvers<void>();
  #callsInFlight = 0;
  #schedule: Schedule | undefined;
  #isEnding = false;

  /** @returns undefined when the plan has no probe, or its target no HTTP API. Resolves when the client is connected, or has failed */
  static async open(options: ProbeOptions): Promise<Probe | undefined> {
    const { plan } = options;
    const [target] = plan.targets;
    if (plan.probe === 0 || target?.http === undefined) return undefined;
    const probe = new Probe(options, target, target.http);
    const deadline = setTimeout(() => probe.#giveUp(), plan.connectTimeoutMs);
    probe.#client.open();
    await probe.#opened.promise;
    clearTimeout(deadline);
    return probe;
  }

  private constructor(options: ProbeOptions, target: Plan["targets"][number], http: string) {
    const { plan, credentials, tokensOf, apiKey } = options;
    const index = clientsOf(plan);
    // A token is of the user that it names.
    const users = credentials.type === "tokens" ? credentials.users : [];
    const user = users[index % users.length] ?? userOf(plan, index);
    const role = { index, user, target, localAddress: plan.sources[0], sends: [], receives: [] };
    const tokenOf = tokensOf(credentials, plan);
    this.#options = options;
    this.#client = new TidingsClient({ plan, role, tokenOf, listener: this }, prefixOf(plan.run));
    const mayCall = apiKey !== undefined || credentials.type === "development";
    this.#caller = mayCall ? new HttpCaller(http, target, apiKey, MAX_SOCKETS) : undefined;
    this.#path = `${new URL(http).pathname.replace(/\/+$/, "")}/users/${encodeURIComponent(user)}/connections`;
  }

  /** Asks at a steady rate from the warm-up to the end. */
  start(fromMs: number): void {
    const { now } = this.#options;
    const { probe, durationMs, warmupMs } = this.#options.plan;
    this.#schedule = new Schedule({
      now: () => now() * 1_000,
      fromUs: (fromMs + warmupMs) * 1_000,
      perSecond: probe,
      count: Math.ceil((probe * (durationMs - warmupMs)) / 1_000),
      onDue: (number, plannedUs) => this.#ask({ stream: 0, number, plannedUs }),
    });
  }

  /** Ends it behind its last question. @param settleMs how long the last answers may take. @param isAborted asks nothing more */
  async end(settleMs: number, isAborted: boolean): Promise<Waits> {
    if (isAborted) this.#schedule?.stop();
    await this.#schedule?.done;
    const until = performance.now() + settleMs;
    while (this.#client.pending + this.#callsInFlight > 0 && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    this.#isEnding = true;
    for (const _ of this.#client.takePending()) this.#errors.count("request: no answer before the end");
    this.#caller?.close();
    this.#client.close();
    return {
      request: inMs(this.#requests.percentiles()),
      call: inMs(this.#calls.percentiles()),
      errors: this.#errors.counts(),
    };
  }

  #ask(pending: Pending): void {
    if (this.#client.isOpen) this.#client.ask(pending);
    if (this.#caller === undefined) return;
    this.#callsInFlight++;
    this.#caller.call({ method: "GET", path: this.#path }, (refusal) => {
      this.#callsInFlight--;
      if (refusal === undefined) this.#calls.record(this.#since(pending));
      else this.#errors.count(`call: ${refusal}`);
    });
  }

  #giveUp(): void {
    this.#errors.count(`connection: not there within ${this.#options.plan.connectTimeoutMs / 1_000} s`);
    this.#client.cut();
    this.#opened.resolve();
  }

  opened(): void {
    this.#opened.resolve();
  }

  ended(_: TidingsClient, ending: Parameters<ClientListener["ended"]>[1]): void {
    if (!this.#isEnding) this.#errors.count(`connection: ${wordsOf(ending)}`);
    this.#opened.resolve();
  }

  answered(pending: Pending, refusal?: string): void {
    if (refusal === undefined) this.#requests.record(this.#since(pending));
    else this.#errors.count(`request: ${refusal}`);
  }

  message(): void {
    // Nobody writes to it.
  }

  noticed(): void {
    // It has no channel of the run.
  }

  /** Microseconds since the planned time. */
  #since({ plannedUs }: Pending): number {
    return this.#options.now() * 1_000 - plannedUs;
  }
}
