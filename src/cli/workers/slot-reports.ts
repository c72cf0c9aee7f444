import type { Collected, JsonMetric, ReportName } from "../../gateway/gateway.ts";
import { within } from "../../protocol/protocol.ts";
import { countersIn, sumCounters } from "./counters.ts";
import type { ReportReply, ReportRequest } from "./messages.ts";

/** A worker that takes longer is left out: longer than its own check of the backplane, shorter than scrapers wait. */
const REPORT_TIMEOUT_MS = 2_500;

/** The reports of the processes of one slot. */
export class SlotReports {
  readonly #node: string;
  readonly #pending = new Map<number, (body: unknown) => void>();
  #lastId = 0;
  /** Since when the process has been silent, or none runs; undefined while it answers. */
  #silentSince: number | undefined = Date.now();
  /** The last counters of the present process, and the sum of those of earlier ones. */
  #counters: JsonMetric[] = [];
  #former: JsonMetric[] = [];

  constructor(node: string) {
    this.#node = node;
  }

  /** The process has sent something. */
  heard(): void {
    this.#silentSince = undefined;
  }

  /** The process has not answered a sign of life in time, or has ended. */
  silent(): void {
    this.#silentSince ??= Date.now();
  }

  /** The process has ended. Its counters stay in the sums. */
  ended(): void {
    this.silent();
    this.#former = sumCounters([this.#former, this.#counters]);
    this.#counters = [];
    for (const resolve of this.#pending.values()) resolve(undefined);
    this.#pending.clear();
  }

  answered({ reported, body }: ReportReply): void {
    this.#pending.get(reported)?.(body);
  }

  /** Asks the process. One that is silent is not waited for. */
  async collect(name: ReportName, send: (request: ReportRequest) => void): Promise<Collected> {
    const report = this.#silentSince === undefined ? await this.#ask(name, send) : undefined;
    const answered = report === undefined ? [] : [{ node: this.#node, report }];
    const since = this.#silentSince ?? Date.now() - REPORT_TIMEOUT_MS;
    const silent = report === undefined ? [{ node: this.#node, since }] : [];
    if (name !== "metrics") return { answered, silent, former: [] };
    if (report !== undefined) this.#counters = countersIn(report as readonly JsonMetric[]); // by a worker of this version
    const former = report === undefined ? [this.#former, this.#counters] : [this.#former];
    return { answered, silent, former };
  }

  async #ask(name: ReportName, send: (request: ReportRequest) => void): Promise<unknown> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#pending.set(id, resolve);
    send({ report: name, id });
    try {
      return await within(REPORT_TIMEOUT_MS, "the worker", () => promise);
    } catch {
      return undefined;
    } finally {
      this.#pending.delete(id);
    }
  }
}
