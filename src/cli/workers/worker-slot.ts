import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Logger } from "pino";
import type { Config } from "../../config/config.ts";
import type { Collected, ReportName } from "../../gateway/gateway.ts";
import { backoff, TidingsError } from "../../protocol/protocol.ts";
import {
  type CollectRequest,
  type NewLimits,
  PING,
  type Ready,
  STOP,
  type Task,
  type ToSupervisor,
} from "./messages.ts";
import { SlotReports } from "./slot-reports.ts";

/** Delay before an exited worker is restarted. It doubles with every exit. */
const DELAY = { minMs: 1_000, maxMs: 30_000 };

/** A worker that ran this long was healthy, so the delay restarts from its minimum. */
const HEALTHY_MS = 60_000;

/** Time beyond the drain after which the slot kills its worker. */
const KILL_AFTER_MS = 15_000;

/** Pause between two signs of life that a worker is asked for. */
const PING_MS = 2_000;
/** A worker that misses so many in a row hangs, or was stopped: connections that it accepts would hang too. */
const MAX_MISSED = 3;

export interface SlotOptions {
  /** Configuration with the node id of this slot, which all its processes share. */
  readonly config: Config;
  /** Node id of the server. */
  readonly server: string;
  readonly log: Logger;
  /** Collects reports of all workers, for one of them. */
  readonly collect: (name: ReportName) => Promise<Collected>;
}

/** Runs one worker process at a time, and starts the next one when it exits. */
export class WorkerSlot {
  #options: SlotOptions;
  readonly #log: Logger;
  readonly #reports: SlotReports;
  #child: ChildProcess | undefined;
  /** Port of the next process. Undefined: an exited process is not restarted. */
  #port: number | undefined;
  /** Restarts since a worker was healthy. */
  #restarts = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SlotOptions) {
    this.#options = options;
    const { id = options.server } = options.config.node;
    this.#log = options.log.child({ worker: id });
    this.#reports = new SlotReports(id);
  }

  /**
   * Starts the first process. It is not restarted before {@link keep}.
   * @throws TidingsError `unavailable` when it exits before it is ready
   */
  open(port: number): Promise<Ready> {
    const child = this.#spawn(port);
    return new Promise((resolve, reject) => {
      child.on("message", (message: ToSupervisor) => {
        if (typeof message === "string") return;
        if ("failure" in message) reject(new TidingsError("unavailable", message.failure));
        else if ("url" in message) resolve(message);
      });
      child.once("close", () => reject(new TidingsError("unavailable", "the first worker did not start")));
    });
  }

  /** Starts a process unless one runs, and restarts it after every exit. */
  keep(port: number): void {
    this.#port = port;
    if (this.#child === undefined) this.#spawn(port);
  }

  /** Gives this process and the next ones other limits. */
  limit(limits: Config["limits"]): void {
    this.#options = { ...this.#options, config: { ...this.#options.config, limits } };
    const message: NewLimits = { limits };
    this.#child?.send(message, ignoreError);
  }

  /** Drains the process. Resolves after its exit. */
  async stop(): Promise<void> {
    this.#port = undefined;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, "close");
    child.send(STOP, ignoreError);
    const { delayMs, drainMs } = this.#options.config.shutdown;
    const timer = setTimeout(() => this.kill(), delayMs + drainMs + KILL_AFTER_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Asks the process for a report. Never rejects. */
  collect(name: ReportName): Promise<Collected> {
    return this.#reports.collect(name, (request) => this.#child?.send(request, ignoreError));
  }

  /** Kills the process at once. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  #spawn(port: number): ChildProcess {
    const child = fork(process.argv[1] ?? "", ["worker"]);
    this.#child = child;
    const { config, server } = this.#options;
    const task: Task = { config: { ...config, port }, server };
    child.send(task, ignoreError);
    const startedAt = performance.now();
    const { pid } = child;
    let failure: string | undefined;
    child.on("message", (message: ToSupervisor) => {
      this.#reports.heard();
      if (typeof message === "string") return;
      if ("failure" in message) failure = message.failure;
      else if ("reported" in message) this.#reports.answered(message);
      else if ("collect" in message) void this.#collectFor(child, message);
    });
    child.once("spawn", () => this.#log.info({ workerPid: pid }, "worker started"));
    const watch = this.#watch(child);
    child.on("error", (error) => this.#log.error({ workerPid: pid, err: error }, "worker failed"));
    child.once("close", (code, signal) => {
      this.#child = undefined;
      this.#reports.ended();
      clearInterval(watch);
      this.#ended({
        workerPid: pid,
        code,
        signal,
        livedMs: Math.round(performance.now() - startedAt),
        failure,
      });
    });
    return child;
  }

  /**
   * Kills a process that stops answering. Misses are counted, not time: a supervisor that was stopped itself must not find
   * every worker silent.
   */
  #watch(child: ChildProcess): NodeJS.Timeout {
    // A process that starts may be busy for long: its first answer begins the count.
    let missed = Number.NEGATIVE_INFINITY;
    child.on("message", () => {
      missed = 0;
    });
    return setInterval(() => {
      if (missed > 0) this.#reports.silent();
      if (missed++ < MAX_MISSED) return void child.send(PING, ignoreError);
      this.#log.error(
        { workerPid: child.pid, silentMs: MAX_MISSED * PING_MS },
        "worker does not answer, killing it",
      );
      child.kill("SIGKILL");
    }, PING_MS);
  }

  async #collectFor(child: ChildProcess, { collect, id }: CollectRequest): Promise<void> {
    const collected = await this.#options.collect(collect);
    if (child.connected) child.send({ collected, id }, ignoreError);
  }

  #ended(facts: {
    workerPid?: number;
    code: number | null;
    signal: string | null;
    livedMs: number;
    failure?: string;
  }): void {
    if (this.#port === undefined) {
      this.#log.info(facts, "worker exited");
      return;
    }
    if (facts.livedMs >= HEALTHY_MS) this.#restarts = 0;
    const pauseMs = backoff(this.#restarts++, DELAY);
    this.#log.warn({ ...facts, pauseMs }, "worker exited, restarting it after pauseMs");
    this.#timer = setTimeout(() => {
      if (this.#port !== undefined) this.#spawn(this.#port);
    }, pauseMs);
  }
}

/** An exited process receives no messages. Its exit is reported by the event `close`. */
const ignoreError = (): void => undefined;
