import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** Reads a number at every scrape. */
type Read = () => number | Promise<number>;
/** Reads numbers with one label at every scrape, as pairs of label value and number. */
type ReadEach = () => Iterable<readonly [value: string, number: number]>;
/** Reads numbers with several labels at every scrape. */
type ReadLabelled<Label extends string> = () => Iterable<
  readonly [labels: Record<Label, string>, number: number]
>;

/** Registry of a hub's metrics, whose values are kept elsewhere and read at every scrape. */
export class ScrapedMetrics {
  readonly registry = new Registry();

  gauge(name: string, help: string, read: Read): void {
    const registers = [this.registry];
    new Gauge({
      ...{ name, help, registers },
      async collect() {
        this.set(await read());
      },
    });
  }

  gauges(name: string, help: string, label: string, readEach: ReadEach): void {
    const registers = [this.registry];
    new Gauge({
      ...{ name, help, registers, labelNames: [label] },
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

let ofProcess: Registry | undefined;

/**
 * Registry of the process's own metrics. Its observers cannot be stopped, so all hubs of a process share one registry,
 * which the first scrape makes.
 */
export function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
