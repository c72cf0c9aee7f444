import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { COMPILED } from "../support/compiled/compiled.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Exit code and output of a command. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

type Variables = Record<string, string>;

/** Starts a command. Of the test's environment it gets only PATH. */
const start = (args: readonly string[], env: Variables): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH ?? "", ...COMPILED, DATA_DIR: "0", ...env },
  });

/** Runs a command until it exits. */
export const tidings = (args: readonly string[], env: Variables = {}): Promise<Outcome> =>
  outcomeOf(start(args, env));

async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

/** A server process that may not listen yet. */
export interface Launched {
  readonly pid: number;
  /** The lines on standard output so far: the log, and the address with `--json`. */
  readonly printed: readonly string[];
  /** Resolves with the first matching line on standard output or standard error, past or future. */
  prints(matches: (line: string) => boolean): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process exited. */
  readonly ended: Promise<Outcome>;
}

/** A server that listens. */
export interface Served extends Launched {
  /** The line with the address. */
  readonly line: string;
  /** Address for HTTP: `http://…` */
  readonly url: string;
  /** Address for WebSockets: `ws://…/ws` */
  readonly socketUrl: string;
}

/** Starts a server on a free port. */
export function launch(args: readonly string[] = [], env: Variables = {}): Launched {
  const child = start(["serve", "--port", "0", "--log-level", "silent", ...args], env);
  const output = createInterface(child.stdout);
  const printed: string[] = [];
  output.on("line", (line) => printed.push(line));
  const words: string[] = [];
  createInterface(child.stderr).on("line", (line) => {
    words.push(line);
    output.emit("told");
  });
  output.on("line", () => output.emit("told"));
  return {
    pid: child.pid ?? 0,
    printed,
    async prints(matches) {
      for (;;) {
        const found = printed.find(matches) ?? words.find(matches);
        if (found !== undefined) return found;
        await once(output, "told");
      }
    },
    signal: (name) => child.kill(name),
    ended: outcomeOf(child),
  };
}

/** Starts a server on a free port and waits until it listens. */
export async function serve(args: readonly string[] = [], env: Variables = {}): Promise<Served> {
  const launched = launch(args, env);
  const failed = launched.ended.then(({ stderr }) => Promise.reject(new Error(stderr)));
  const line = await Promise.race([launched.prints((each) => each.includes("http://")), failed]);
  failed.catch(() => {}); // after the start an exit is not a failure
  const url = /http:\/\/[^\s"]+/.exec(line)?.[0] ?? "";
  return { ...launched, line, url, socketUrl: `${url.replace("http", "ws")}/ws` };
}

/** Kills a server and resolves after its exit. */
export async function end(server: Launched | undefined): Promise<void> {
  server?.signal("SIGKILL");
  await server?.ended;
}
