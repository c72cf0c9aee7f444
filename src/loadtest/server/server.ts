import { shownUrl } from "../target.ts";
import { readFigures, type ServerFigures } from "./metrics.ts";

export type { ServerFigures } from "./metrics.ts";

/** Figures of a server, and when they were read: milliseconds since the run began. */
export interface ServerSample extends ServerFigures {
  readonly atMs: number;
}

/** What the metrics of one server said in a run. */
export interface ServerReport {
  readonly url: string;
  /** Why there are no figures. */
  readonly problem?: string | undefined;
  /** Before the first connection, when all were connected, and at the end. */
  readonly before?: ServerSample | undefined;
  readonly connected?: ServerSample | undefined;
  readonly after?: ServerSample | undefined;
  /** The highest of all samples. */
  readonly most: ServerFigures;
  /** CPU time of a second, from connected to the end, in percent of one core. */
  readonly cpuPercent?: number | undefined;
  /** Growth of resident memory from before to connected, for each connection. */
  readonly bytesPerConnection?: number | undefined;
  readonly samples: readonly ServerSample[];
}

/** Samples that are kept; beyond them every second one goes. */
const MOST_SAMPLES = 600;
const TIMEOUT_MS = 5_000;

/** Reads the metrics of a server now and then. */
export class ServerWatch {
  readonly #url: string;
  readonly #metricsUrl: string;
  /** For the report: without what may be secret. */
  readonly #shownUrl: string;
  readonly #headers: Record<string, string>;
  readonly #now: () => number;
  #samples: ServerSample[] = [];
  #before: ServerSample | undefined;
  #connected: ServerSample | undefined;
  #after: ServerSample | undefined;
  #problem: string | undefined;
  #most: Record<string, number> = {};
  /** Every how many samples one is kept. */
  #step = 1;
  #count = 0;

  /** @param now milliseconds since the run began */
  constructor(url: string, metricsUrl: string, apiKey: string | undefined, now: () => number) {
    this.#url = url;
    this.#metricsUrl = metricsUrl;
    this.#shownUrl = shownUrl(metricsUrl);
    this.#headers = apiKey === undefined ? {} : { "x-api-key": apiKey };
    this.#now = now;
  }

  /** Reads the metrics. Never rejects: what is missing is told in the report. */
  async read(moment?: "before" | "connected" | "after"): Promise<ServerSample | undefined> {
    const sample = await this.#fetch();
    if (sample === undefined) return undefined;
    if (moment === "before") this.#before = sample;
    if (moment === "connected") this.#connected = sample;
    if (moment === "after") this.#after = sample;
    this.#keep(sample);
    return sample;
  }

  report(connections: number): ServerReport {
    const [before, connected, after] = [this.#before, this.#connected, this.#after];
    return {
      url: this.#url,
      problem: this.#samples.length === 0 ? (this.#problem ?? "the metrics were not read") : undefined,
      before,
      connected,
      after,
      most: this.#most,
      cpuPercent: percentOf(connected, after),
      bytesPerConnection:
        before?.rssBytes === undefined || connected?.rssBytes === undefined || connections === 0
          ? undefined
          : (connected.rssBytes - before.rssBytes) / connections,
      samples: this.#samples,
    };
  }

  async #fetch(): Promise<ServerSample | undefined> {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      // A redirect would take the key elsewhere.
      const init: RequestInit = { headers: this.#headers, signal, redirect: "manual" };
      const response = await fetch(this.#metricsUrl, init);
      const page = await response.text();
      if (response.ok) return { atMs: this.#now(), ...readFigures(page) };
      const needsKey = response.status === 401 || response.status === 403;
      this.#problem = `${this.#shownUrl} answered HTTP ${response.status}${needsKey ? ": pass --api-key with a key of the scope read" : ""}`;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#problem = `${this.#shownUrl}: ${reason.replaceAll(this.#metricsUrl, this.#shownUrl)}`; // fetch names the URL
    }
    return undefined;
  }

  #keep(sample: ServerSample): void {
    for (const [name, value] of Object.entries(sample))
      if (typeof value === "number") this.#most[name] = Math.max(this.#most[name] ?? 0, value);
    if (this.#count++ % this.#step !== 0) return;
    this.#samples.push(sample);
    if (this.#samples.length < MOST_SAMPLES) return;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    this.#step *= 2;
  }
}

function percentOf(from: ServerSample | undefined, to: ServerSample | undefined): number | undefined {
  if (from?.cpuSeconds === undefined || to?.cpuSeconds === undefined || to.atMs <= from.atMs)
    return undefined;
  return (100 * (to.cpuSeconds - from.cpuSeconds)) / ((to.atMs - from.atMs) / 1_000);
}
