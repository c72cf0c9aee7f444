import type { Questions } from "../../backplane/backplane.ts";
import type { NodeStatistics } from "./statistics.ts";

/** Interval of the samples, in milliseconds. All nodes take theirs at multiples of it, so that they can be added. */
const EVERY_MS = 5_000;

/** Samples that are kept: an hour. */
const SAMPLES = 720;

/** Samples by which a node may be behind the others, and the sum of all ends with its last one: a minute. */
const MAX_LAG = 12;

/** Figures of a sample. Rates are per second, latencies and delays in milliseconds, -1 where nothing was measured. */
export const SERIES = [
  "connections",
  "users",
  "received",
  "published",
  "delivered",
  "dropped",
  "connects",
  "disconnects",
  "deliveryP50",
  "deliveryP99",
  "loopP99",
  "loopUtilization",
  "rss",
  "degraded",
] as const;

export type SeriesName = (typeof SERIES)[number];

/** Those of which the cluster has the worst node's; of all others it has the sum. */
const WORST: ReadonlySet<SeriesName> = new Set([
  "deliveryP50",
  "deliveryP99",
  "loopP99",
  "loopUtilization",
  "degraded",
]);

/** The last hour in columns of equal length. */
export interface History {
  /** Time of the first value, in milliseconds since 1970. */
  readonly from: number;
  /** Interval of the values, in milliseconds. */
  readonly everyMs: number;
  /** Null: no sample, or nothing was measured. */
  readonly series: Readonly<Record<SeriesName, readonly (number | null)[]>>;
}

/** The last hour of a node, in a ring of fixed memory. */
export class NodeHistory {
  readonly #read: () => NodeStatistics;
  readonly #now: () => number;
  readonly #values = new Float64Array(SAMPLES * SERIES.length);
  /** Number of the interval since 1970 of which each place has the sample. */
  readonly #slots = new Float64Array(SAMPLES);
  #first = 0;
  #last = 0;

  /** @param now milliseconds since 1970. @default the clock of the process */
  constructor(read: () => NodeStatistics, now: () => number = Date.now) {
    this.#read = read;
    this.#now = now;
  }

  /**
   * Takes a sample in each interval. Call it about once a second. A sample that cannot be read is left out: the timer that calls this must
   * not end the process. After a step back of the clock the history begins anew, because its samples would be of times to come.
   */
  tick(): void {
    const slot = this.#slot();
    if (slot === this.#last) return;
    let sample: number[];
    try {
      sample = sampleOf(this.#read());
    } catch {
      return; // the next call tries again
    }
    if (slot < this.#last) this.#clear();
    if (this.#first === 0) this.#first = slot;
    this.#last = slot;
    const place = slot % SAMPLES;
    this.#slots[place] = slot;
    this.#values.set(sample, place * SERIES.length);
  }

  #clear(): void {
    this.#first = 0;
    this.#slots.fill(0);
  }

  /** The samples of the last hour; fewer after the start of the node. */
  get history(): History {
    const from = Math.max(this.#first, this.#last - SAMPLES + 1);
    const series = emptySeries();
    for (let slot = from; slot <= this.#last && this.#last > 0; slot++) {
      const place = slot % SAMPLES;
      const isThere = this.#slots[place] === slot;
      for (const [index, name] of SERIES.entries()) {
        const value = this.#values[place * SERIES.length + index] ?? -1;
        series[name].push(isThere && value >= 0 ? value : null);
      }
    }
    return { from: from * EVERY_MS, everyMs: EVERY_MS, series };
  }

  #slot(): number {
    return Math.floor(this.#now() / EVERY_MS);
  }
}

/** A sample in the order of {@link SERIES}. */
function sampleOf({ connections, users, rates, latency, loop, memory, degraded }: NodeStatistics): number[] {
  const values: Record<SeriesName, number> = {
    ...{ connections, users },
    ...{ received: rates.received, published: rates.published, delivered: rates.delivered },
    ...{ dropped: rates.dropped, connects: rates.connects, disconnects: rates.disconnects },
    ...{ deliveryP50: latency.delivery?.p50 ?? -1, deliveryP99: latency.delivery?.p99 ?? -1 },
    ...{ loopP99: loop.delay.p99, loopUtilization: loop.utilization },
    ...{ rss: memory.rss, degraded: degraded.length },
  };
  return SERIES.map((name) => rounded(values[name]));
}

/** Four digits are more than a chart shows, and keep an hour short. */
const rounded = (value: number): number =>
  value >= 1_000 ? Math.round(value) : Number(value.toPrecision(4));

const emptySeries = (): Record<SeriesName, (number | null)[]> =>
  Object.fromEntries(SERIES.map((name) => [name, [] as (number | null)[]])) as Record<
    SeriesName,
    (number | null)[]
  >; // every name

/**
 * Adds the histories of nodes: sums, and the worst node's latencies and delays. A node whose clock is an hour off is left out.
 * @param now milliseconds since 1970
 */
export function sumOfHistories(histories: readonly History[], now: number): History {
  const known = histories.filter(({ from, series: { connections } }) => {
    const end = from + connections.length * EVERY_MS;
    return connections.length > 0 && Math.abs(end - now) < SAMPLES * EVERY_MS;
  });
  const from = Math.min(...known.map((each) => each.from));
  const series = emptySeries();
  if (known.length === 0) return { from: 0, everyMs: EVERY_MS, series };
  for (const history of known) {
    const offset = Math.round((history.from - from) / EVERY_MS);
    for (const name of SERIES) addTo(series[name], history.series[name], offset, WORST.has(name));
  }
  // Beyond the last sample of a node whose clock is behind, or that has not taken it yet, the sum would be too small.
  const ends = known.map(
    (each) => Math.round((each.from - from) / EVERY_MS) + each.series.connections.length,
  );
  const latest = Math.max(...ends);
  const end = Math.min(...ends.filter((each) => latest - each <= MAX_LAG));
  // A node's clock may be minutes off, and the hour is no longer for it.
  const surplus = Math.max(0, end - SAMPLES);
  for (const name of SERIES) series[name] = series[name].slice(surplus, end);
  return { from: from + surplus * EVERY_MS, everyMs: EVERY_MS, series };
}

function addTo(
  sum: (number | null)[],
  values: readonly (number | null)[],
  offset: number,
  isWorst: boolean,
): void {
  while (sum.length < offset + values.length) sum.push(null);
  for (const [index, value] of values.entries()) {
    const place = index + offset;
    const before = sum[place] ?? null;
    if (value === null) continue;
    if (before === null) sum[place] = value;
    else sum[place] = isWorst ? Math.max(before, value) : rounded(before + value);
  }
}

/** Kind of the question. */
const HISTORY = "history";

/** Lets this node answer questions about its last hour. */
export const answerHistory = (questions: Questions, history: NodeHistory): void =>
  questions.answer(HISTORY, () => history.history);

/**
 * The last hour of a node, or of the cluster: sums, and the worst node's latencies and delays.
 * @throws TidingsError as `ClusterView.statistics` does
 */
export async function historyOf(
  questions: Questions,
  node?: string,
): Promise<History & { readonly silent: readonly string[] }> {
  // Nodes answer their own code, so the form of an answer is known.
  if (node !== undefined) {
    return { ...((await questions.askNode(node, { kind: HISTORY })) as History), silent: [] };
  }
  const answers = await questions.askAll({ kind: HISTORY });
  const histories = answers.flatMap(({ answer }) => (answer === undefined ? [] : [answer as History]));
  const silent = answers.flatMap(({ node: id, error }) => (error === undefined ? [] : [id]));
  return { ...sumOfHistories(histories, Date.now()), silent };
}
