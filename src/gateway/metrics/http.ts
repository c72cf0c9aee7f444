import { Distribution } from "../../protocol/protocol.ts";
import type { Histogram } from "./histogram.ts";
import type { ScrapedMetrics } from "./registry.ts";

/** Bounds in seconds. A route answers within a millisecond, one that asks other nodes or verifies a password within seconds. */
export const ANSWER_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Route of requests that no route takes. Their paths are the clients' choice, and a series for each would fill the memory. */
export const NO_ROUTE = "other";

interface RouteCounts {
  readonly seconds: Distribution;
  readonly byStatus: Map<number, number>;
}

/** Counts HTTP requests by route and status. */
export class HttpMetrics {
  readonly #routes = new Map<string, RouteCounts>();

  constructor(own: ScrapedMetrics) {
    const help = "HTTP requests that were answered.";
    own.labelled("tidings_http_requests_total", help, ["route", "status"], () => this.#byStatus());
  }

  /** @param route path of the route as it is declared, or {@link NO_ROUTE}; never the path of a request */
  answered(route: string, status: number, seconds: number): void {
    let counts = this.#routes.get(route);
    if (counts === undefined) {
      counts = { seconds: new Distribution(ANSWER_BOUNDS), byStatus: new Map() };
      this.#routes.set(route, counts);
    }
    counts.seconds.observe(seconds);
    counts.byStatus.set(status, (counts.byStatus.get(status) ?? 0) + 1);
  }

  get histogram(): Histogram {
    return {
      name: "tidings_http_request_seconds",
      help: "Time to answer an HTTP request.",
      parts: [...this.#routes].map(([route, { seconds }]) => [{ route }, seconds]),
    };
  }

  *#byStatus(): Iterable<[{ route: string; status: string }, number]> {
    for (const [route, { byStatus }] of this.#routes)
      for (const [status, count] of byStatus) yield [{ route, status: String(status) }, count];
  }
}
