/** Reports of a worker, each behind a route of the HTTP API. */
export type ReportName = "health" | "ready" | "stats" | "metrics";

/** Reports of all workers of a supervised server. */
export interface Collected {
  readonly answered: readonly { readonly node: string; readonly report: unknown }[];
  /** Workers that did not answer in time, and since when, in milliseconds since 1970. */
  readonly silent: readonly { readonly node: string; readonly since: number }[];
  /** For `metrics`: the last counters of processes that have ended or do not answer, so that no sum falls. */
  readonly former: readonly unknown[];
}

/** The workers of a supervised server, as one of them reaches them: `tidings serve --workers`. */
export interface Workers {
  /** Node id of the server; those of the workers begin with it. */
  readonly node: string;
  /** From here on the supervisor can ask this worker for its reports. */
  serve(report: (name: ReportName) => Promise<unknown>): void;
  /** Collects the reports of all workers, this one included. Never rejects, and takes a few seconds at most. */
  collect(name: ReportName): Promise<Collected>;
}

/** Workers by whether they answered, for the replies. */
export interface Answering {
  readonly answered: readonly string[];
  readonly silent: readonly string[];
}

export const answeringIn = ({ answered, silent }: Collected): Answering => ({
  answered: answered.map(({ node }) => node),
  silent: silent.map(({ node }) => node),
});
