import type { RunningHub } from "../../support/hub.ts";

export interface LimitMetrics {
  readonly allowed: Record<string, number>;
  readonly denied: Record<string, number>;
  readonly shed: Record<string, number>;
  /** Requests of clients that got an error, by code. */
  readonly errors: Record<string, number>;
}

/** Reads the decisions of limits from /metrics of a hub in development mode. */
export async function metricsOf({ at }: RunningHub): Promise<LimitMetrics> {
  const text = await (await fetch(`${at.url}/metrics`)).text();
  const read = (name: string): Record<string, number> =>
    Object.fromEntries(
      [...text.matchAll(new RegExp(`^${name}\\{\\w+="(\\w+)"\\} (\\d+)$`, "gm"))].map(([, label, value]) => [
        label,
        Number(value),
      ]),
    );
  return {
    allowed: read("tidings_limit_allowed_total"),
    denied: read("tidings_limit_denied_total"),
    shed: read("tidings_shed_total"),
    errors: read("tidings_request_errors_total"),
  };
}
