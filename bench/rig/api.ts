/** The calls between the processes of the bench. */

/** The receivers of a plan: one message for everyone, or a message of its own for every user. */
export type Audience = "everyone" | "each-user";

/**
 * Publish `perTick` messages (per user, for `each-user`) in one turn of the event loop, wait until the receivers
 * have them, and repeat until the CPU time is spent. Only one tick is in flight at a time, unless `depth` allows more.
 */
export interface TickPlan {
  audience: Audience;
  perTick: number;
  /** Users `u0` … `u<users-1>` are written to by `each-user`. */
  users: number;
  stored: boolean;
  /** Stop after this much server CPU time … */
  cpuBudgetMs: number;
  /** … but not before, nor after, this many ticks. */
  minTicks: number;
  maxTicks: number;
  /** Ticks in flight at most. */
  depth: number;
  /** Receiver processes that confirm every tick. */
  receivers: number;
  /** Watch the event loop turn by turn. Costs CPU, so not together with a CPU figure. */
  watchLoop: boolean;
}

/**
 * Publish messages at a steady rate, even if receivers fall behind. Each message carries the time of its publishing.
 */
export interface PacedPlan {
  audience: Audience;
  perSecond: number;
  seconds: number;
  /** Interval of the timer; the messages due are published in one tick. */
  everyMs: number;
  users: number;
  /** Extra messages per tick for the user `u0` alone. */
  ballast?: { perTick: number; bytes: number };
}

export interface PublishReport {
  /** Ticks that were measured. The first one, which warms up, is not. */
  ticks: number;
  /**
   * Messages that have to arrive on every connection (`everyone`) or on all together (`each-user`), warm-up included.
   */
  messages: number;
  /** Time and, in microseconds, CPU time of the measured ticks: user and system, all threads of the process. */
  elapsedMs: number;
  cpuUs: number;
  /** Part of the CPU time spent in the kernel, in percent. */
  kernelPercent: number;
  rssBytes: number;
  /** The longest turn of the event loop in each tick, when `watchLoop` asked for it. */
  longestTurnsMs: number[];
}

export interface Usage {
  cpuUs: number;
  rssBytes: number;
}

/** A server under test. */
export interface ServerApi {
  address(argument: null): { port: number; pacePort: number; runtime: string };
  publishTicks(plan: TickPlan): Promise<PublishReport>;
  publishPaced(plan: PacedPlan): Promise<PublishReport>;
  /** Collects garbage first when asked; `release` also gives the pages that are free then back to the system. */
  usage(argument: { collect: "no" | "garbage" | "release" }): Promise<Usage>;
}

export type DialectName = "tidings" | "plain" | "socketio";

export interface ConnectPlan {
  port: number;
  dialect: DialectName;
  count: number;
  /** Handshakes in flight at most. */
  concurrency: number;
  /** The first new connection is of the user `u<firstUser>`. */
  firstUser: number;
  /** Each connection joins a group before it counts as connected, if the dialect has groups. */
  group?: string;
}

/** The receivers' work during one measurement. */
export interface Phase {
  /** Confirm a tick when so many messages have arrived on every connection; 0: do not confirm. */
  perTick: number;
  /** Read and check every message on each n-th connection; on the others frames are only counted. */
  readEvery: number;
  /** Record how old the messages are that are read. */
  latency: boolean;
  /** The connection of user `u0` is neither counted nor read; with `stall` it reads nothing at all. */
  firstUser: "counted" | "ignored" | "stalled";
  pacePort: number;
}

/** Everything that has arrived since the phase began. */
export interface Tally {
  connections: number;
  messages: number;
  bytes: number;
  /** The fewest and the most messages on a connection. */
  least: number;
  most: number;
  /** Messages that were read in full and found right. */
  checked: number;
  latencyMs: { count: number; p50: number; p99: number; max: number };
  /** The first few mistakes: lost, repeated, swapped or misdirected messages. */
  faults: string[];
}

export interface RequestPlan {
  /** Requests in flight on each connection, sent in one write; at most 16. */
  depth: number;
  /** Bursts of `depth` requests, per connection. The next one follows when the last is answered. */
  bursts: number;
}

/** A process that holds the clients' ends of the connections. */
export interface ReceiverApi {
  connect(plan: ConnectPlan): Promise<{ elapsedMs: number; open: number }>;
  begin(phase: Phase): Promise<null>;
  /** Resolves when so many messages in all have arrived since the phase began. */
  reach(argument: { messages: number }): Promise<null>;
  tally(argument: null): Tally;
  request(plan: RequestPlan): Promise<{ replies: number; elapsedMs: number }>;
  disconnect(argument: null): Promise<null>;
}
