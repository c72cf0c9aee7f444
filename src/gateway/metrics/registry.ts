import { type Aggregator, Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** Reads a number at every scrape. */
type Read = () => number | Promise<number>;
/** Reads numbers with one label at every scrape, as pairs of label value and number. */
type ReadEach = () => Iterable<readonly [value: string, number: number]>;
/** Reads numbers with several labels at every scrape. */
type ReadLabelled<Label extends string> = () => Iterable<
  readonly [labels: Record<Label, string>, number: number]
>;

/** A metric with its values, as `prom-client` writes it for other processes. */
export interface JsonMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: Aggregator;
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
    /** Name of the series, where it is not that of the metric. */
    readonly metricName?: string;
  }[];
}

export const jsonOf = async (registry: Registry): Promise<readonly JsonMetric[]> =>
  (await registry.getMetricsAsJSON()) as unknown as readonly JsonMetric[]; // its declaration leaves out some fields

/** Registry of a hub's metrics, whose values are kept elsewhere and read at every scrape. */
export class ScrapedMetrics {
  readonly registry = new Registry();

  /** @param aggregator how the gauges of several workers become one */
  gauge(name: string, help: string, read: Read, aggregator: Aggregator = "sum"): void {
    const registers = [this.registry];
    new Gauge({
      ...{ name, help, registers, aggregator },
      async collect() {
        this.set(await read());
      },
    });
  }

  gauges(
    name: string,
    help: string,
    label: string,
    readEach: ReadEach,
    aggregator: Aggregator = "sum",
  ): void {
    const registers = [this.registry];
    new Gauge({
      ...{ name, help, registers, labelNames: [label], aggregator },
      collect() {
        for (const [value, number] of readEach()) this.set({ [label]: value }, number);
      },
    });
  }

  counter(name: string, help: string, read: () => number): void {
    const registers = [this.registry];
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  counters(name: string, help: string, label: string, readEach: ReadEach): void {
    this.labelled(name, help, [label], () =>
      [...readEach()].map(([value, number]) => [{ [label]: value }, number]),
    );
  }

  labelled<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    readEach: ReadLabelled<Label>,
  ): void {
    const registers = [this.registry];
    new Counter({
      ...{ name, help, registers, labelNames },
      collect() {
        this.reset();
        for (const [labels, number] of readEach()) this.inc(labels, number);
      },
    });
  }
}

/** Bounds in seconds. A pause of the garbage collector takes a millisecond or so; one of 50 ms is late for everybody. */
const GC_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

let ofProcess: Registry | undefined;

/**
 * Registry of the process's own metrics. Its observers cannot be stopped, so all hubs of a process share one registry,
 * which the first scrape makes.
 */
export function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess, gcDurationBuckets: GC_BOUNDS });
  }
  return ofProcess;
}
