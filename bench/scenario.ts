import type { ClusterContenderName } from "./cluster/contenders.ts";
import { type Summary, summarise } from "./measure/statistics.ts";
import type { ContenderInfo, ContenderName, Rig } from "./rig/rig.ts";
import type { Scale } from "./scale.ts";

/** The figures, in the order of the tables' columns. */
export const FIGURES = {
  cpuUs: "CPU µs",
  kernelPercent: "kernel %",
  perCoreSecond: "per core·s",
  rssMiB: "RSS MiB",
  wireBytes: "bytes",
  perSecond: "per s",
  senderUs: "A µs",
  receiverUs: "B µs",
  redisUs: "Redis µs",
  messages: "messages",
  commands: "Redis commands",
  kibPerConnection: "KiB/conn",
  kibWithReserve: "with reserve",
  p50Ms: "p50 ms",
  p99Ms: "p99 ms",
  maxMs: "max ms",
  cpuPercent: "CPU %",
  growthMiB: "RSS +MiB",
  longestTurnMs: "longest turn ms",
  stolenPercent: "stolen %",
  tries: "tries",
} as const;

export type FigureName = keyof typeof FIGURES;

/** The contender of a line of the results, here or in the bench of the cluster. */
export type RowName = ContenderName | ClusterContenderName;

/** One line of the results. */
export interface Row {
  scenario: string;
  /** Variant of the scenario, for example `1000 connections, 10/tick`. */
  case: string;
  contender: RowName;
  figures: Partial<Record<FigureName, Summary>>;
}

/** The tools of a scenario. */
export interface Bench {
  scale: Scale;
  contenders: readonly ContenderInfo[];
  /** Opens a server and its receivers; the bench closes them when the scenario ends. */
  open(contender: ContenderInfo, receivers?: number): Promise<Rig>;
  /** Prints progress. */
  progress(text: string): void;
}

export interface Scenario {
  name: string;
  /** The heading of its table. */
  title: string;
  run(bench: Bench): Promise<Row[]>;
}

/** Gathers the figures of several rounds, by row, and summarises them. */
export class Gathering {
  readonly #scenario: string;
  readonly #rows = new Map<
    string,
    { case: string; contender: RowName; samples: Map<FigureName, number[]> }
  >();

  constructor(scenario: string) {
    this.#scenario = scenario;
  }

  add(name: string, contender: RowName, figures: Partial<Record<FigureName, number>>): void {
    const key = `${name} ${contender}`;
    const row = this.#rows.get(key) ?? { case: name, contender, samples: new Map<FigureName, number[]>() };
    this.#rows.set(key, row);
    for (const [figure, value] of Object.entries(figures)) {
      const samples = row.samples.get(figure as FigureName) ?? []; // the keys of the record are these names
      row.samples.set(figure as FigureName, [...samples, value]);
    }
  }

  rows(): Row[] {
    return [...this.#rows.values()].map(({ case: name, contender, samples }) => ({
      scenario: this.#scenario,
      case: name,
      contender,
      figures: Object.fromEntries([...samples].map(([figure, values]) => [figure, summarise(values)])),
    }));
  }
}

/** Opens a rig with so many connections for each contender, one after the other, and warms it up. */
export async function openAll(
  bench: Bench,
  contenders: readonly ContenderInfo[],
  connections: number,
): Promise<Rig[]> {
  const rigs: Rig[] = [];
  for (const contender of contenders) {
    bench.progress(`${connections} connections to ${contender.title}`);
    const rig = await bench.open(contender);
    await rig.connect(connections);
    await rig.publishTicks({ audience: "everyone", perTick: 1, cpuBudgetMs: bench.scale.cpuBudgetMs }); // compiles
    rigs.push(rig);
  }
  return rigs;
}

/** Leaves out the contenders that store messages, for scenarios that do not measure storing. */
export const withoutStored = (contenders: readonly ContenderInfo[]): ContenderInfo[] =>
  contenders.filter(({ stored }) => !stored);

export const MIB = 1024 * 1024;
