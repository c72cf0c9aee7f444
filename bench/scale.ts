/** Size of a run: numbers of connections, rounds and seconds. */
export interface Scale {
  name: "full" | "quick" | "tiny";
  /** Interleaved rounds; figures are medians over them. With more connections there are at most 3. */
  rounds: number;
  /** Connections of most scenarios … */
  connections: number;
  /** … and of those that ask whether the cost stays the same. */
  manyConnections: number;
  /** Connections of the broadcast that must not block the event loop. */
  mostConnections: number;
  /** Server CPU time of one measurement. */
  cpuBudgetMs: number;
  requestConnections: number;
  requestsPerRound: number;
  handshakesPerRound: number;
  latencySeconds: number;
  stalledSeconds: number;
}

/** Part of the file-descriptor limit that a process needs for its own files. */
const SPARE_FILES = 100;

export const FULL: Scale = {
  name: "full",
  rounds: 5,
  connections: 1_000,
  manyConnections: 10_000,
  mostConnections: 20_000,
  cpuBudgetMs: 400,
  requestConnections: 100,
  requestsPerRound: 16_000,
  handshakesPerRound: 2_000,
  latencySeconds: 3,
  stalledSeconds: 4,
};

export const QUICK: Scale = {
  ...FULL,
  name: "quick",
  rounds: 1,
  manyConnections: 2_000,
  mostConnections: 4_000,
  cpuBudgetMs: 80,
  requestsPerRound: 4_000,
  handshakesPerRound: 300,
  latencySeconds: 0.8,
  stalledSeconds: 1,
};

/** Scale that only shows that the bench works. Its figures mean nothing. */
export const TINY: Scale = {
  name: "tiny",
  rounds: 1,
  connections: 20,
  manyConnections: 40,
  mostConnections: 60,
  cpuBudgetMs: 1,
  requestConnections: 5,
  requestsPerRound: 160,
  handshakesPerRound: 20,
  latencySeconds: 0.1,
  stalledSeconds: 0.1,
};

/** Reduces the connections of a scale to the number that one server process can hold. */
export function fitTo(fileLimit: number, scale: Scale): Scale {
  const most = fileLimit - SPARE_FILES;
  return {
    ...scale,
    manyConnections: Math.min(scale.manyConnections, most),
    mostConnections: Math.min(scale.mostConnections, most),
  };
}
