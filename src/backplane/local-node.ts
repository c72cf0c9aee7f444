import { TidingsError } from "../protocol/protocol.ts";
import type { BackplaneSink, NodeInfo } from "./port.ts";

/** The node that the backplane serves, and its hub: known from the start of the backplane to the end of its stop. */
export class LocalNode {
  #state: "new" | "started" | "stopped" = "new";
  #info: NodeInfo | undefined;
  #sink: BackplaneSink | undefined;

  /** @throws TidingsError `unavailable` before the start and after the stop, as `sink` does */
  get info(): NodeInfo {
    if (this.#info === undefined) throw this.#error();
    return this.#info;
  }

  get sink(): BackplaneSink {
    if (this.#sink === undefined) throw this.#error();
    return this.#sink;
  }

  /** @throws TidingsError `unavailable` when it was started or stopped before */
  start(info: NodeInfo, sink: BackplaneSink): void {
    if (this.#state !== "new") throw new TidingsError("unavailable", "a backplane starts once");
    this.#state = "started";
    this.#info = info;
    this.#sink = sink;
  }

  /** @throws TidingsError `unavailable` before the start and after the stop */
  assertStarted(): void {
    if (this.#state !== "started") throw this.#error();
  }

  /** Forgets the hub, which must not be called any more. */
  stop(): void {
    this.#state = "stopped";
    this.#info = undefined;
    this.#sink = undefined;
  }

  /** Passes a question to the hub of this node. @returns undefined without an answer by the deadline */
  asked(question: string, timeoutMs: number): Promise<string | undefined> {
    const { promise: overdue, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, timeoutMs, undefined);
    return Promise.race([this.sink.asked(question), overdue]).finally(() => clearTimeout(timer));
  }

  /**
   * Reports a failure that no caller waits for. Before the start and after the stop there is no sink, and the failure
   * is ignored.
   */
  report(stage: string, error: unknown): void {
    this.#sink?.report(stage, error);
  }

  #error(): TidingsError {
    const reason = this.#state === "new" ? "has not been started" : "was stopped";
    return new TidingsError("unavailable", `the backplane ${reason}`);
  }
}

/** Makes the error for a node that is not in the registry. */
export const noNode = (id: string): TidingsError => new TidingsError("not_found", `there is no node ${id}`);
