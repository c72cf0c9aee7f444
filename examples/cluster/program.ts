import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface ProgramOptions {
  /** Prefix of every line that the program prints. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A running program, whose lines are printed under its name. */
export class Program {
  /** Resolves with how it ended: a signal, an exit code, or why it could not be started. */
  readonly ended: Promise<string>;
  readonly #options: ProgramOptions;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #watchers = new Set<(line: string) => void>();

  constructor(options: ProgramOptions) {
    const { command, args, env } = options;
    this.#options = options;
    // In a process group of its own: Ctrl-C is for the one who stops the programs in good order.
    this.#child = spawn(command, args, {
      env: { ...process.env, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.ended = new Promise((resolve) => {
      this.#child.once("error", ({ message }) => resolve(message));
      this.#child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface(stream).on("line", (line) => this.#printed(line));
    }
    if (this.#child.pid !== undefined) this.#printed(`pid ${this.#child.pid}`);
  }

  /** Waits for a line with this text. Rejects when the program ends without. */
  async prints(text: string): Promise<void> {
    const found = new Promise<void>((resolve) => {
      this.#watchers.add((line) => line.includes(text) && resolve());
    });
    const failed = this.ended.then((how) => {
      throw new Error(`${this.#options.command} did not start: ${how}`);
    });
    await Promise.race([found, failed]);
  }

  /** Resolves when it has ended. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#child.kill(signal);
    await this.ended;
  }

  #printed(line: string): void {
    console.log(`[${this.#options.name}] ${line}`);
    for (const watch of this.#watchers) watch(line);
  }
}

/** Before a program that has ended is started again: one that cannot start must not take all of the CPU. */
const RESTART_MS = 500;

/** A program that is started again whenever it ends, as systemd or Kubernetes would. */
export class Service {
  readonly #options: ProgramOptions;
  #program: Program;
  #isStopping = false;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#program = new Program(options);
  }

  /**
   * Waits for a line with this text. Rejects when the program's first run ends without, and then it is not repeated.
   */
  async start(text: string): Promise<void> {
    await this.#program.prints(text);
    void this.#keep();
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    this.#isStopping = true;
    await this.#program.stop(signal);
  }

  async #keep(): Promise<void> {
    for (;;) {
      const how = await this.#program.ended;
      if (this.#isStopping) return;
      console.log(`[${this.#options.name}] ended: ${how}. It is started again`);
      await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
      if (this.#isStopping) return;
      this.#program = new Program(this.#options);
    }
  }
}
