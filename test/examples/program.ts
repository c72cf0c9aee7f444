import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { onTestFinished } from "vitest";

/** A program in a process group of its own (npm starts others), ended when the test is over. */
export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  /** Resolves with the exit code when it has ended; `undefined` when a signal did it. */
  readonly ended: Promise<number | undefined>;
  #output = "";
  #isOver = false;
  #watchers: (() => void)[] = [];

  constructor(
    command: string,
    args: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
  ) {
    const { cwd, env } = options;
    this.#child = spawn(command, args, { cwd, env: { ...process.env, ...env }, detached: true });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => this.#changed(text));
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code) => {
        this.#isOver = true;
        this.#changed("");
        resolve(code ?? undefined);
      });
    });
    onTestFinished(async () => {
      this.#signal("SIGKILL");
      await this.ended.catch(() => undefined);
    });
  }

  /** Everything that it has printed. */
  get output(): string {
    return this.#output;
  }

  /**
   * Waits until it has printed something that matches. Rejects when it ends without.
   * @returns the pattern's first group, or all that matches
   */
  prints(wanted: RegExp | string): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find(this.#output, wanted);
        if (found === undefined && !this.#isOver) return;
        this.#watchers = this.#watchers.filter((watcher) => watcher !== look);
        if (found === undefined) reject(new Error(`ended without printing ${wanted}:\n${this.#output}`));
        else resolve(found);
      };
      this.#watchers.push(look);
      look();
    });
  }

  /** Waits until it has printed something more, or has ended. */
  printed(): Promise<void> {
    return new Promise((resolve) => {
      const notice = (): void => {
        this.#watchers = this.#watchers.filter((watcher) => watcher !== notice);
        resolve();
      };
      this.#watchers.push(notice);
    });
  }

  /** Types a line. */
  type(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Asks it to end. */
  terminate(): void {
    this.#signal("SIGTERM");
  }

  /** Ends it without a warning. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  /** Asks it to read its configuration again. */
  hangUp(): void {
    this.#signal("SIGHUP");
  }

  #signal(name: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#isOver) return;
    try {
      process.kill(-pid, name);
    } catch {
      // It has ended a moment ago.
    }
  }

  #changed(text: string): void {
    this.#output += text;
    for (const watch of this.#watchers) watch();
  }
}

function find(text: string, wanted: RegExp | string): string | undefined {
  if (typeof wanted === "string") return text.includes(wanted) ? wanted : undefined;
  const found = wanted.exec(text);
  return found?.[1] ?? found?.[0];
}
