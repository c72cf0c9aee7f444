import { TidingsError } from "../../protocol/protocol.ts";
import type { BackplaneSink, NodeInfo } from "../port.ts";

/** The node that the backplane serves, and its sink, from `start` until `stop`. */
export class MemoryNode {
  #state: "new" | "up" | "stopped" = "new";
  #info: NodeInfo | undefined;
  #sink: BackplaneSink | undefined;

  /** @throws TidingsError `unavailable` when it was started before. */
  start(info: NodeInfo, sink: BackplaneSink): void {
    if (this.#state !== "new") throw new TidingsError("unavailable", "a memory backplane starts once");
    this.#state = "up";
    this.#info = info;
    this.#sink = sink;
  }

  stop(): void {
    this.#state = "stopped";
    this.#info = undefined;
    this.#sink = undefined;
  }

  /** @throws TidingsError `unavailable` before `start` and after `stop`, as all members below do. */
  assertUp(): void {
    if (this.#state !== "up") throw this.#unavailable();
  }

  get sink(): BackplaneSink {
    if (this.#sink === undefined) throw this.#unavailable();
    return this.#sink;
  }

  get info(): NodeInfo {
    if (this.#info === undefined) throw this.#unavailable();
    return this.#info;
  }

  #unavailable(): TidingsError {
    const state = this.#state === "new" ? "has not been started" : "was stopped";
    return new TidingsError("unavailable", `the backplane ${state}`);
  }
}
