import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, rmdir, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { endWithProcess } from "../end-with-process.ts";
import { eventually } from "../eventually.ts";
import { freePort } from "../free-port.ts";
import { PROGRAM } from "./program.ts";

export interface RedisOptions {
  /** Writes that were answered are there again after `restart`, also after a crash of the process. @default false */
  readonly persistent?: boolean;
  /** More arguments for the command line of `redis-server`. */
  readonly args?: readonly string[];
  /** The server. @default the one under test */
  readonly program?: string;
}

/** The URL for a backplane, and the servers that hold its keys. */
export interface TestRedis {
  readonly url: string;
  readonly masters: readonly RedisServer[];
}

/** A redis-server on a free loopback port, which a test can stop, kill, pause and restart. `await using` stops it. */
export class RedisServer implements TestRedis, AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  readonly #options: Required<RedisOptions>;
  #child: ChildProcess;

  private constructor(port: number, directory: string, options: Required<RedisOptions>) {
    this.port = port;
    this.#directory = directory;
    this.#options = options;
    this.#child = this.#spawn();
  }

  /** @throws Error when the server ends at once, on several ports */
  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const { persistent = false, args = [], program = PROGRAM } = options;
    const directory = await mkdtemp(join(tmpdir(), "tidings-redis-"));
    for (let attempt = 0; attempt < 5; attempt++) {
      const server = new RedisServer(await freePort(), directory, { persistent, args, program });
      if (await server.#answers()) return server;
      // Another process took the port meanwhile.
    }
    throw new Error(`${program} ends at once with ${args.join(" ")}`);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get masters(): readonly RedisServer[] {
    return [this];
  }

  /** Sends one command, over a connection of its own. Waits as long as the server is paused. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const client = new Redis(this.port, "127.0.0.1", { lazyConnect: true, retryStrategy: null });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }

  /**
   * Sends a command, again while the server cuts its connections, as one does that has just become a replica. For commands
   * that may be sent twice.
   */
  async insist(name: string, ...args: (string | number)[]): Promise<unknown> {
    const [reply] = await eventually(`Redis answers ${name}`, () =>
      this.command(name, ...args).then(
        (given) => [given],
        (error: unknown) => {
          if (!/closed|ECONN/.test(String(error))) throw error;
          return undefined;
        },
      ),
    );
    return reply;
  }

  /** Ends the server in good order. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends the server at once, as a crash does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Starts an ended server again on its port: with its data when it is persistent, else empty. */
  async restart(): Promise<void> {
    await this.restartAsItIs();
    if (this.#options.persistent) await this.#rewrite();
  }

  /** Restarts with the file as the crash left it. A later restart takes up a transaction that was cut off there. */
  async restartAsItIs(): Promise<void> {
    this.#child = this.#spawn();
    if (!(await this.#answers())) throw new Error(`redis-server ended with ${this.#child.exitCode}`);
  }

  /** Cuts off the end of the file of an ended server, as a crash in the middle of a write does. */
  async tear(bytes: number): Promise<void> {
    const directory = join(this.#directory, "appendonlydir"); // since Redis 7
    const names = await readdir(directory).catch(() => []);
    const name = names.find((name) => name.endsWith(".incr.aof"));
    const path = name === undefined ? join(this.#directory, "appendonly.aof") : join(directory, name);
    const { size } = await stat(path);
    await truncate(path, size - bytes);
  }

  /** Lets snapshots fail or succeed from here on, by a directory that stands where their file belongs; then makes one. */
  async canSave(isPossible: boolean): Promise<void> {
    const file = join(this.#directory, "dump.rdb");
    await (isPossible ? rmdir(file) : mkdir(file));
    await this.command("BGSAVE");
    const status = `rdb_bgsave_in_progress:0\r\n[^]*rdb_last_bgsave_status:${isPossible ? "ok" : "err"}`;
    await eventually("Redis has tried to save", async () =>
      new RegExp(status).test(String(await this.command("INFO", "persistence"))),
    );
  }

  /** Stops the process without ending it: connections stay open, and nothing is answered. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  continue(): void {
    this.#child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /**
   * Rewrites the file. Otherwise a server cuts off only the last command when a crash came in the middle of a
   * transaction.
   */
  async #rewrite(): Promise<void> {
    await this.command("BGREWRITEAOF");
    await eventually("Redis has rewritten its file", async () =>
      /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(
        String(await this.command("INFO", "persistence")),
      ),
    );
  }

  #spawn(): ChildProcess {
    const { persistent, args: more, program } = this.#options;
    const where = ["--bind", "127.0.0.1", "--port", String(this.port), "--dir", this.#directory];
    // The kernel has the writes of a killed process. With fsync, Redis would write later than it answers.
    const persistence = persistent ? ["--appendonly", "yes", "--appendfsync", "no"] : [];
    const always = ["--save", "", "--daemonize", "no", "--loglevel", "warning"];
    const args = [...where, ...always, ...persistence, ...more];
    const child = spawn(program, args, { stdio: "ignore" });
    endWithProcess(child);
    return child;
  }

  /** False when the process ends before it answers. */
  async #answers(): Promise<boolean> {
    const child = this.#child;
    await eventually(`redis-server answers on port ${this.port}`, async () => {
      if (hasEnded(child)) return true;
      // The one that answers may be another server, which took the port first.
      const info = String(await this.command("INFO").catch(() => ""));
      return info.includes(`process_id:${child.pid}\r`) && info.includes("loading:0\r");
    });
    return !hasEnded(child);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (hasEnded(child)) return;
    const ended = once(child, "exit");
    child.kill(signal);
    child.kill("SIGCONT"); // a paused process takes no other signal but SIGKILL
    await ended;
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;
