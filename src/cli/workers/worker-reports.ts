import type { Collected, ReportName, Workers } from "../../gateway/gateway.ts";
import { TidingsError, within } from "../../protocol/protocol.ts";
import type { CollectReply, ReportRequest, ToSupervisor } from "./messages.ts";

/** The supervisor waits shorter for its workers. */
const COLLECT_TIMEOUT_MS = 4_000;

/** The reports of a worker, and those of the others by way of the supervisor. */
export class WorkerReports implements Workers {
  readonly node: string;
  readonly #own: string;
  readonly #send: (message: ToSupervisor) => void;
  #report: (name: ReportName) => Promise<unknown> = async () => {
    throw new TidingsError("unavailable", "the worker is starting");
  };
  readonly #pending = new Map<number, (collected: Collected) => void>();
  /** Requests that came while another one was in flight share its answer. */
  readonly #inFlight = new Map<ReportName, Promise<Collected>>();
  #lastId = 0;

  /** @param server node id of the server @param own that of this worker */
  constructor(server: string, own: string, send: (message: ToSupervisor) => void) {
    this.node = server;
    this.#own = own;
    this.#send = send;
  }

  serve(report: (name: ReportName) => Promise<unknown>): void {
    this.#report = report;
  }

  collect(name: ReportName): Promise<Collected> {
    const inFlight = this.#inFlight.get(name);
    if (inFlight !== undefined) return inFlight;
    const collected = this.#collect(name).finally(() => this.#inFlight.delete(name));
    this.#inFlight.set(name, collected);
    return collected;
  }

  /** The supervisor asks for a report of this worker. */
  async answer({ report, id }: ReportRequest): Promise<void> {
    const body = await this.#report(report).catch(() => undefined);
    this.#send({ reported: id, body });
  }

  /** The supervisor has collected reports. */
  collected({ id, collected }: CollectReply): void {
    this.#pending.get(id)?.(collected);
  }

  async #collect(name: ReportName): Promise<Collected> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Collected>();
    this.#pending.set(id, resolve);
    this.#send({ collect: name, id });
    try {
      return await within(COLLECT_TIMEOUT_MS, "the supervisor", () => promise);
    } catch {
      // This worker answers for itself, and names the supervisor as the one that does not.
      const report = await this.#report(name);
      return {
        answered: [{ node: this.#own, report }],
        silent: [{ node: this.node, since: Date.now() - COLLECT_TIMEOUT_MS }],
        former: [],
      };
    } finally {
      this.#pending.delete(id);
    }
  }
}
