import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { COMPILED } from "../compiled/compiled.ts";
import { endWithProcess } from "../end-with-process.ts";
import { freePort } from "../free-port.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

/** The names of docs/CONFIGURATION.md. */
export type Environment = Readonly<Record<string, string>>;

/** An HTTP answer of a node. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it and would fail on what they do not find
  readonly body: any;
}

/** `tidings serve` in a process of its own, on a port that it keeps across restarts. `await using` ends it. */
export class NodeProcess implements AsyncDisposable {
  readonly id: string;
  readonly port: number;
  readonly #env: Environment;
  #child: ChildProcess | undefined;
  /** Output and log of the process, for a test that fails. */
  output = "";

  private constructor(id: string, port: number, env: Environment) {
    this.id = id;
    this.port = port;
    this.#env = env;
  }

  /** Starts a node and waits until it listens. */
  static async start(id: string, env: Environment = {}): Promise<NodeProcess> {
    const node = new NodeProcess(id, await freePort(), env);
    await node.restart();
    return node;
  }

  /** The WebSocket URL of this node, which runs in development mode. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** {@link url} with a user and other parameters in its query. */
  urlOf(user: string, parameters: Record<string, string> = {}): string {
    return `${this.url}?${new URLSearchParams({ user_id: user, ...parameters })}`;
  }

  async get(path: string): Promise<Answer> {
    return answerOf(await fetch(`http://127.0.0.1:${this.port}${path}`));
  }

  async post(path: string, body: unknown = {}): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    return answerOf(await fetch(`http://127.0.0.1:${this.port}${path}`, init));
  }

  /**
   * Starts an ended node again, under its id and on its port.
   * @param changes settings that differ from those of its first start
   */
  async restart(changes: Environment = {}): Promise<void> {
    const env = {
      PATH: process.env.PATH ?? "",
      ...COMPILED,
      DATA_DIR: "0",
      HOST: "127.0.0.1",
      PORT: String(this.port),
      NODE_ID: this.id,
      LOG_LEVEL: "warn",
      OVERLOAD_LOOP_PERCENT: "0", // how busy or fast the machine is must not make it refuse clients
      OVERLOAD_CONNECTS_PER_NODE: "off",
      ...this.#env,
      ...changes,
    };
    const child = spawn(process.execPath, [MAIN, "serve", "--json"], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    endWithProcess(child);
    child.stderr.setEncoding("utf8").on("data", (text) => {
      this.output += text;
    });
    const lines = createInterface(child.stdout).on("line", (line) => {
      this.output += `${line}\n`;
    });
    await new Promise<void>((resolve, reject) => {
      lines.on("line", (line) => {
        if (line.includes('"event":"listening"')) resolve();
      });
      child.once("close", (code) => reject(new Error(`${this.id} ended with ${code}: ${this.output}`)));
    });
  }

  /** Closes in good order, as a deployment does. @returns the exit code */
  stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** Ends the process at once, as a crash does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Stops the process without ending it: connections stay open, and nothing is read or written. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  continue(): void {
    this.#child?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    }
    return child.exitCode;
  }
}

const answerOf = async (response: Response): Promise<Answer> => ({
  status: response.status,
  body: await response.json(),
});
