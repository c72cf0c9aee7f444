import { TidingsError } from "../protocol/protocol.ts";
import type { BackplaneSink, NodeInfo } from "./port.ts";

/** The node that the backplane serves, from `start` until `stop`. */
export class MemoryLink {
  #state: "new" | "up" | "stopped" = "new";
  #node: NodeInfo | undefined;
  #sink: BackplaneSink | undefined;

  /** @throws TidingsError `unavailable` when it was started before. */
  start(node: NodeInfo, sink: BackplaneSink): void {
    if (this.#state !== "new") throw new TidingsError("unavailable", "a memory backplane starts once");
    this.#state = "up";
    this.#node = node;
    this.#sink = sink;
  }

  stop(): void {
    this.#state = "stopped";
    this.#node = undefined;
    this.#sink = undefined;
  }

  /** @throws TidingsError `unavailable` before `start` and after `stop`, as all that follow. */
  assertUp(): void {
    if (this.#state !== "up") throw this.#away();
  }

  get sink(): BackplaneSink {
    if (this.#sink === undefined) throw this.#away();
    return this.#sink;
  }

  get node(): NodeInfo {
    if (this.#node === undefined) throw this.#away();
    return this.#node;
  }

  #away(): TidingsError {
    const state = this.#state === "new" ? "has not been started" : "was stopped";
    return new TidingsError("unavailable", `the backplane ${state}`);
  }
}
