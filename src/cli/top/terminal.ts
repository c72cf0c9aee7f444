import { once } from "node:events";
import type { ReadStream, WriteStream } from "node:tty";
import { renderTop, SORTS, type Sort } from "./screen.ts";
import type { Snapshot } from "./snapshot.ts";

/** Control sequences of xterm, which all terminals of today understand. */
const ESC = {
  /** Another screen, so that the shell's comes back at the end. The cursor is hidden. */
  enter: "\x1b[?1049h\x1b[?25l",
  leave: "\x1b[?25h\x1b[?1049l",
  home: "\x1b[H",
  /** Before the text of a line: after it a full line would lose its last character. */
  clearLine: "\x1b[2K",
} as const;

export interface LiveOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly intervalMs: number;
  readonly isColoured: boolean;
  /** Reads a snapshot. A failure is shown, and the next call follows after the interval. */
  readonly read: () => Promise<Snapshot>;
}

const KEYS = "q quit  p pause  s sort";

/** Shows snapshots in a terminal until the key `q` or a signal. @throws the failure of the first snapshot */
export async function watchTop(options: LiveOptions): Promise<void> {
  const first = await options.read();
  await new LiveScreen(options, first).run();
}

/** The screen while it is live. */
class LiveScreen {
  readonly #options: LiveOptions;
  #snapshot: Snapshot;
  #sort: Sort = "name";
  #isPaused = false;
  #isReading = false;
  #problem: string | undefined;
  readonly #ended = new AbortController();

  constructor(options: LiveOptions, snapshot: Snapshot) {
    this.#options = options;
    this.#snapshot = snapshot;
  }

  async run(): Promise<void> {
    const { input, output } = this.#options;
    const { signal } = this.#ended;
    const onKey = (keys: string): void => this.#pressed(keys);
    const draw = (): void => this.#draw();
    const end = (): void => this.#ended.abort();
    for (const name of SIGNALS) process.once(name, end);
    output.write(ESC.enter);
    try {
      if (input.isTTY) input.setRawMode(true);
      input.setEncoding("utf8").on("data", onKey).resume();
      output.on("resize", draw);
      this.#draw();
      const timer = setInterval(() => void this.#refresh(), this.#options.intervalMs);
      if (!signal.aborted) await once(signal, "abort");
      clearInterval(timer);
    } finally {
      output.off("resize", draw);
      input.off("data", onKey).pause();
      if (input.isTTY) input.setRawMode(false);
      output.write(ESC.leave);
      for (const name of SIGNALS) process.off(name, end);
    }
  }

  /** A terminal in raw mode sends Ctrl+C as a key. Several keys may come at once. */
  #pressed(keys: string): void {
    for (const key of keys) {
      if (key === "q" || key === "\x03") this.#ended.abort();
      else if (key === "p") this.#isPaused = !this.#isPaused;
      else if (key === "s") this.#sort = SORTS[(SORTS.indexOf(this.#sort) + 1) % SORTS.length] ?? "name";
    }
    this.#draw();
  }

  async #refresh(): Promise<void> {
    if (this.#isPaused || this.#isReading) return;
    this.#isReading = true;
    try {
      this.#snapshot = await this.#options.read();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    this.#isReading = false;
    this.#draw();
  }

  #draw(): void {
    const { output, isColoured } = this.#options;
    if (this.#ended.signal.aborted) return;
    const state = this.#isPaused ? "  PAUSED" : "";
    const lines = renderTop(this.#snapshot, {
      width: output.columns,
      height: output.rows,
      sort: this.#sort,
      isColoured,
      footer: `${KEYS}: ${this.#sort}${state}`,
      problem: this.#problem,
    });
    const all = Array.from({ length: output.rows }, (_, index) => ESC.clearLine + (lines[index] ?? ""));
    output.write(ESC.home + all.join("\r\n"));
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
