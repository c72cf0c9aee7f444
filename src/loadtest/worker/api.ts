import type { Sent } from "../measure/arrivals.ts";
import type { Counts } from "../measure/counted.ts";
import type { EncodedHistogram } from "../measure/histogram.ts";
import type { Plan } from "../plan.ts";

/** What is timed, in microseconds. */
export const TIMINGS = ["connect", "latency", "transit", "receipt", "lateness", "reconnect"] as const;

/**
 * - `connect`: from the planned time until the client is connected, logged in and in its group
 * - `latency`: from the planned time of a message until it is at a receiver
 * - `transit`: from the sending of a message until it is at a receiver
 * - `receipt`: from the planned time until the sender has the server's receipt
 * - `lateness`: how late the tester itself sent
 * - `reconnect`: from the cut until the client is back
 */
export type Timing = (typeof TIMINGS)[number];

export type Timings = Readonly<Record<Timing, EncodedHistogram>>;

/** Whole numbers that only grow. */
export interface Totals {
  readonly attempts: number;
  readonly opened: number;
  /** Clients that were given up; at the end also those that broke and are not back. */
  readonly failed: number;
  readonly sent: number;
  /** Messages that the schedule wanted and nobody could send. */
  readonly unsent: number;
  readonly accepted: number;
  readonly refused: number;
  /** Messages whose answer never came. */
  readonly unconfirmed: number;
  readonly received: number;
  readonly duplicates: number;
  readonly reordered: number;
  readonly repeats: number;
  readonly gaps: number;
  readonly unrecovered: number;
  /** Messages of the run for somebody else. */
  readonly strays: number;
  readonly reconnects: number;
}

/** How a process stands. */
export interface Snapshot {
  readonly open: number;
  /** Messages that wait for an answer, and clients that broke and are on their way back. */
  readonly pending: number;
  readonly totals: Totals;
  /** Latencies since the last snapshot that forgot. */
  readonly recent: EncodedHistogram;
  /** CPU time of the process in microseconds, since it began, and the longest delay of its event loop since the last snapshot that forgot. */
  readonly cpuUs: number;
  readonly loopMs: number;
}

/** Everything that a process has to say at the end. */
export interface Tally {
  readonly totals: Totals;
  readonly timings: Timings;
  /** Attempts to connect that failed, by reason; connections that the server ended; messages that it refused; other errors. */
  readonly refusals: Counts;
  readonly ends: Counts;
  readonly refusedMessages: Counts;
  readonly errors: Counts;
  /** Connections of each node. */
  readonly nodes: Counts;
  readonly lost: number;
  /** Messages that the receivers had to get. */
  readonly expected: number;
}

/** How clients log in: by a name (development mode), by tokens that were given, or by tokens that are signed with a secret. */
export type Credentials =
  | { readonly type: "development" }
  | { readonly type: "tokens"; readonly tokens: readonly string[]; readonly users: readonly string[] }
  | { readonly type: "secret"; readonly secret: string };

export interface Task {
  readonly plan: Plan;
  /** Which of the plan's processes this is. */
  readonly worker: number;
  /** When the run begins: microseconds of the machine's clock. */
  readonly originUs: number;
  readonly credentials: Credentials;
  /** Key for the HTTP API. */
  readonly apiKey?: string | undefined;
}

/** The calls that a process of the load tester answers. Times are microseconds since the run began. */
export interface WorkerApi {
  prepare(task: Task): null;
  /** Opens the clients one after the other. Resolves when each is open or given up. */
  connect(argument: { readonly fromUs: number }): Promise<null>;
  /** Sends as the plan says. Resolves when it is over. */
  send(argument: { readonly fromUs: number }): Promise<null>;
  /** Cuts all clients at a time, and resolves when each is back or given up. */
  storm(argument: { readonly atUs: number }): Promise<null>;
  /** @param argument.forget whether the next snapshot tells what happens from now on */
  snapshot(argument: { readonly forget: boolean }): Snapshot;
  /** What was sent. Messages without an answer are excused from now on. */
  sent(argument: null): readonly Sent[];
  /** Tells what all processes have sent. */
  expect(argument: { readonly sent: readonly Sent[] }): null;
  /** @returns how many of these messages are missing */
  missing(argument: null): number;
  /** Ends what is under way: the ramp, the schedule, and the return of clients, which need not get anything any more. */
  stop(argument: null): null;
  tally(argument: null): Tally;
  disconnect(argument: null): Promise<null>;
}
