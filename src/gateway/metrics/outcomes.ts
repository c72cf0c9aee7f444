import { Distribution, ERROR_CODES, type ErrorCode } from "../../protocol/protocol.ts";
import type { Histogram } from "./histogram.ts";
import type { ScrapedMetrics } from "./registry.ts";

/** Starts every series at 0: Prometheus misses the first increment of a series that appears with it. */
export const countsOf = (names: readonly string[]): Map<string, number> =>
  new Map(names.map((name) => [name, 0]));

export const count = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};

/** Bounds in seconds. A token is verified within a millisecond; an authenticator of the application asks a database or another server. */
const LOGIN_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts logins by their outcome. */
export class LoginMetrics {
  readonly #outcomes = countsOf(["ok", ...Object.keys(ERROR_CODES)]);
  readonly #seconds = new Distribution(LOGIN_BOUNDS);

  constructor(own: ScrapedMetrics) {
    const help = "Credentials that were checked, by the outcome.";
    own.counters("tidings_logins_total", help, "outcome", () => this.#outcomes);
  }

  /** Counts credentials that were accepted or refused. */
  ended(outcome: "ok" | ErrorCode, seconds: number): void {
    count(this.#outcomes, outcome);
    this.#seconds.observe(seconds);
  }

  get histogram(): Histogram {
    const help = "Time to check the credentials of a login.";
    return { name: "tidings_login_seconds", help, parts: [[{}, this.#seconds]] };
  }
}

/** Bounds in seconds. Built-in actions take some microseconds in memory, those of the application as long as they like. */
const REQUEST_BOUNDS = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Counts the requests of clients by their action. */
export class RequestMetrics {
  readonly #actions = new Map<string, Distribution>();
  readonly #errors = countsOf(Object.keys(ERROR_CODES));

  constructor(own: ScrapedMetrics) {
    const help = "Requests of clients that got an error.";
    own.counters("tidings_request_errors_total", help, "code", () => this.#errors);
  }

  /** @param action name of a registered action; never a name that only a client has chosen */
  handled(action: string, seconds: number, error: ErrorCode | undefined): void {
    let distribution = this.#actions.get(action);
    if (distribution === undefined) {
      distribution = new Distribution(REQUEST_BOUNDS);
      this.#actions.set(action, distribution);
    }
    distribution.observe(seconds);
    if (error !== undefined) count(this.#errors, error);
  }

  /** A limit has refused a request before it was run: an error without a duration. */
  refused(error: ErrorCode): void {
    count(this.#errors, error);
  }

  get histogram(): Histogram {
    return {
      name: "tidings_request_seconds",
      help: "Time to answer a request of a client.",
      parts: [...this.#actions].map(([action, distribution]) => [{ action }, distribution]),
    };
  }
}
