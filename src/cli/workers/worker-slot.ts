import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Logger } from "pino";
import type { Config } from "../../config/config.ts";
import { backoff, TidingsError } from "../../protocol/protocol.ts";
import { ALIVE, type Failure, PING, type Ready, STOP, type Task } from "./worker.ts";

/** Delay before an exited worker is restarted. It doubles with every exit. */
const DELAY = { firstMs: 1_000, capMs: 30_000 };

/** A worker that ran this long was healthy, so the delay restarts from its minimum. */
const HEALTHY_MS = 60_000;

/** Time beyond the drain after which the slot kills its worker. */
const KILL_AFTER_MS = 15_000;

/** Pause between two signs of life that a worker is asked for. */
const PING_MS = 2_000;
/** A worker that misses so many in a row hangs, or was stopped: connections that it accepts would hang too. */
const MAX_MISSED = 3;

/** Messages of a worker. */
type Message = typeof ALIVE | Ready | Failure;

/** Runs one worker process at a time, and starts the next one when it exits. */
export class WorkerSlot {
  readonly #config: Config;
  readonly #log: Logger;
  #child: ChildProcess | undefined;
  /** Port of the next process. Undefined: an exited process is not restarted. */
  #port: number | undefined;
  /** Restarts since a worker was healthy. */
  #restarts = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param config configuration with the node id of this slot, which all its processes share */
  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log.child({ worker: config.node.id });
  }

  /**
   * Starts the first process. It is not restarted before {@link keep}.
   * @throws TidingsError `unavailable` when it exits before it is ready
   */
  open(port: number): Promise<Ready> {
    const child = this.#spawn(port);
    return new Promise((resolve, reject) => {
      child.on("message", (message: Message) => {
        if (message === ALIVE) return;
        if ("failure" in message) reject(new TidingsError("unavailable", message.failure));
        else resolve(message);
      });
      child.once("close", () => reject(new TidingsError("unavailable", "the first worker did not start")));
    });
  }

  /** Starts a process unless one runs, and restarts it after every exit. */
  keep(port: number): void {
    this.#port = port;
    if (this.#child === undefined) this.#spawn(port);
  }

  /** Drains the process. Resolves after its exit. */
  async stop(): Promise<void> {
    this.#port = undefined;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, "close");
    child.send(STOP, ignoreError);
    const timer = setTimeout(() => this.kill(), this.#config.shutdown.drainMs + KILL_AFTER_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Kills the process at once. */
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
    let failure: string | undefined;
    child.on("message", (message: Message) => {
      if (message !== ALIVE && "failure" in message) failure = message.failure;
    });
    child.once("spawn", () => this.#log.info({ pid }, "worker started"));
    const watch = this.#watch(child);
    child.on("error", (error) => this.#log.error({ pid, err: error }, "worker failed"));
    child.once("close", (code, signal) => {
      this.#child = undefined;
      clearInterval(watch);
      this.#ended({ pid, code, signal, livedMs: Date.now() - startedAt, failure });
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
      if (missed++ < MAX_MISSED) return void child.send(PING, ignoreError);
      this.#log.error(
        { pid: child.pid, silentMs: MAX_MISSED * PING_MS },
        "worker does not answer, killing it",
      );
      child.kill("SIGKILL");
    }, PING_MS);
  }

  #ended(facts: {
    pid?: number;
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
