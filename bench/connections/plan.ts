import type { Times } from "./doors.ts";
import type { Memory, Spent } from "./meters.ts";

/** What is measured. */
export interface Plan {
  readonly connections: number;
  readonly times: Times;
  /** Time in which nothing happens but heartbeats: longer than a connection may be silent. */
  readonly quietMs: number;
  /** Broadcasts of each of the two rounds. */
  readonly broadcasts: number;
  /** Memory of the process at which the run is given up. */
  readonly maxRssBytes: number;
}

/** Quantiles of a latency, in milliseconds. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Figures of a process with sockets that are no connections of a hub. */
export interface ControlFigures {
  /** Bytes for each connection. */
  readonly each: Memory;
}

/** Figures of a hub. */
export interface HubFigures extends ControlFigures {
  /** Memory of the process with all connections. */
  readonly whole: Memory;
  /** Connections that came while `connect` was measured. */
  readonly came: number;
  readonly connect: Spent;
  readonly quiet: Spent & { readonly pongs: number };
  /** Broadcasts one after the other, and nothing else. */
  readonly broadcast: Spent & { readonly eachMs: readonly number[] };
  /** The same while clients ask. */
  readonly asked: Spent & { readonly eachMs: readonly number[] };
  /** Latency of requests while nothing else happens, and of those that were due during a broadcast. */
  readonly latency: { readonly quiet: Latency; readonly broadcast: Latency };
  readonly leave: Spent;
  /** Memory of the process when all have left. */
  readonly left: Memory;
  /** Memory of the process before they came. */
  readonly before: Memory;
  /** Connections that the server closed unasked. */
  readonly lost: number;
  /** Text frames that came to a client: the fewest, the most, and how many were sent to each. */
  readonly frames: { readonly least: number; readonly most: number; readonly sent: number };
  /** Cost of a frame at the client's end, in nanoseconds. */
  readonly frameNs: number;
}

/** Everything that a run found out. */
export interface ConnectionsResult {
  readonly plan: Plan;
  /** `--max-old-space-size` of the processes. */
  readonly heapMiB: number;
  /** A socket of Node that nobody uses. */
  readonly sockets: ControlFigures;
  /** The same, upgraded by `ws`. */
  readonly ws: ControlFigures;
  /** The same as a connection of a hub. */
  readonly hub: HubFigures;
}
