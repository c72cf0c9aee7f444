/** Size of a run of the cluster's bench. */
export interface ClusterScale {
  name: "full" | "quick" | "tiny";
  /** Interleaved rounds; figures are medians over them. */
  rounds: number;
  /** Users without sockets … */
  users: number;
  /** … and with. */
  sockets: number;
  /** Messages published in a turn of the event loop. */
  perTick: readonly number[];
  /** Of each measurement of throughput. */
  seconds: number;
  /** Of each measurement of latency. */
  latencySeconds: number;
  /** Before anything is measured: code is compiled, and users' nodes are looked up. */
  warmSeconds: number;
}

export const FULL: ClusterScale = {
  name: "full",
  rounds: 5,
  users: 10_000,
  sockets: 1_000,
  perTick: [10, 100, 1_000],
  seconds: 1,
  latencySeconds: 2,
  warmSeconds: 2,
};

export const QUICK: ClusterScale = {
  ...FULL,
  name: "quick",
  rounds: 1,
  perTick: [1_000],
  seconds: 0.5,
  warmSeconds: 1,
};

/** Shows that the bench works; its figures mean nothing. */
export const TINY: ClusterScale = {
  name: "tiny",
  rounds: 1,
  users: 40,
  sockets: 20,
  perTick: [10],
  seconds: 0.02,
  latencySeconds: 0.1,
  warmSeconds: 0.02,
};
