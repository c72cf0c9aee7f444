import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { backoff, TidingsError } from "../protocol/protocol.ts";
import { type Ready, STOP, type Task } from "./worker.ts";

/** The pause before a worker that ended is started again; it doubles while it ends again and again. */
const PAUSE = { firstMs: 1_000, capMs: 30_000 };

/** A worker that lived so long was all right: the next pause is the first again. */
const ALL_RIGHT_MS = 60_000;

/** What a worker may take beyond its drain before it is ended by force. */
const PATIENCE_MS = 15_000;

/** The place of one worker: a process, and the next one when it ends. */
export class Place {
  readonly #config: Config;
  readonly #log: Logger;
  #child: ChildProcess | undefined;
  /** Where to start the next one; undefined while there shall be none. */
  #port: number | undefined;
  /** Pauses since a worker was all right. */
  #pauses = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param config with the id of this worker's node, which every process in this place has */
  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log.child({ worker: config.node.id });
  }

  /**
   * Starts the first process; it is not replaced before {@link keep}.
   * @throws TidingsError `unavailable` when it ends before it is ready
   */
  open(port: number): Promise<Ready> {
    const child = this.#spawn(port);
    return new Promise((resolve, reject) => {
      child.once("message", (ready) => resolve(ready as Ready)); // the only thing that worker.ts sends
      child.once("close", () => reject(new TidingsError("unavailable", "the first worker did not start")));
    });
  }

  /** From here on there is a process, or the next one is due. */
  keep(port: number): void {
    this.#port = port;
    if (this.#child === undefined) this.#spawn(port);
  }

  /** Drains; resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#port = undefined;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, "close");
    child.send(STOP, ignoreError);
    const timer = setTimeout(() => this.kill(), this.#config.shutdown.drainMs + PATIENCE_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  #spawn(port: number): ChildProcess {
    const child = fork(process.argv[1] ?? "", ["worker"]);
    this.#child = child;
    const task: Task = { ...this.#config, port };
    child.send(task, ignoreError);
    const startedAt = Date.now();
    const { pid } = child;
    child.once("spawn", () => this.#log.info({ pid }, "worker started"));
    child.on("error", (error) => this.#log.error({ pid, err: error }, "worker failed"));
    child.once("close", (code, signal) => {
      this.#child = undefined;
      this.#ended({ pid, code, signal, livedMs: Date.now() - startedAt });
    });
    return child;
  }

  #ended(facts: { pid?: number; code: number | null; signal: string | null; livedMs: number }): void {
    if (this.#port === undefined) {
      this.#log.info(facts, "worker ended");
      return;
    }
    if (facts.livedMs >= ALL_RIGHT_MS) this.#pauses = 0;
    const pauseMs = backoff(this.#pauses++, PAUSE);
    this.#log.warn({ ...facts, pauseMs }, "worker ended, the next one starts after a pause");
    this.#timer = setTimeout(() => {
      if (this.#port !== undefined) this.#spawn(this.#port);
    }, pauseMs);
  }
}

/** A process that is gone gets no messages; its end is told by itself. */
const ignoreError = (): void => undefined;
