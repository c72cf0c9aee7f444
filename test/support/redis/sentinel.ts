import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { endWithProcess } from "../end-with-process.ts";
import { eventually } from "../eventually.ts";
import { freePort } from "../free-port.ts";
import { PROGRAM } from "./program.ts";
import { becomes, follows, replicated } from "./replication.ts";
import { RedisServer } from "./server.ts";

const NAME = "mymaster";
/** Silence of a master after which Sentinel replaces it, once a test wants that. */
const DOWN_AFTER_MS = 500;
/** Longer than any stall of a busy machine: until then nobody is replaced. */
const NEVER_MS = 3_600_000;

/** A master with a replica, and a Sentinel that promotes the replica of a dead master after {@link elect}. `await using` stops all. */
export class RedisSentinel implements AsyncDisposable {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly #port: number;
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #password: string | undefined;

  private constructor(
    servers: { master: RedisServer; replica: RedisServer },
    port: number,
    directory: string,
    password?: string,
  ) {
    this.#password = password;
    this.master = servers.master;
    this.replica = servers.replica;
    this.#port = port;
    this.#directory = directory;
    this.#child = spawn(PROGRAM, [join(directory, "sentinel.conf"), "--sentinel"], {
      stdio: "ignore",
    });
    endWithProcess(this.#child);
  }

  /** @param password that Sentinel requires of its clients */
  static async start(password?: string): Promise<RedisSentinel> {
    const args = ["--repl-diskless-sync-delay", "0"];
    const master = await RedisServer.start({ args });
    const replica = await RedisServer.start({
      args: [...args, "--replicaof", "127.0.0.1", String(master.port)],
    });
    const directory = await mkdtemp(join(tmpdir(), "tidings-sentinel-"));
    const port = await freePort();
    // A Sentinel remembers what it finds out in its own configuration.
    const lock = password === undefined ? "" : `requirepass ${password}\n`;
    await writeFile(join(directory, "sentinel.conf"), configuration(port, master.port) + lock);
    const sentinel = new RedisSentinel({ master, replica }, port, directory, password);
    await sentinel.#watches();
    return sentinel;
  }

  get url(): string {
    return `redis-sentinel://127.0.0.1:${this.#port}/0#${NAME}`;
  }

  /** Resolves when everything that the master has answered is on the replica too. */
  async replicated(): Promise<void> {
    await replicated(this.master, this.replica);
  }

  /**
   * Holds back promotions until {@link elect}, as from the start on. Pausing Sentinel would not do: it then elects nobody for another 30 s.
   */
  async holdElections(): Promise<void> {
    await this.#takeForDeadAfter(NEVER_MS);
  }

  async elect(): Promise<void> {
    await this.#takeForDeadAfter(DOWN_AFTER_MS);
  }

  /** Resolves when Sentinel has promoted the replica and tells its address to clients. From then on it promotes nobody. */
  async failedOver(): Promise<void> {
    await eventually("Sentinel names the promoted replica", async () => {
      return (await this.masterPort()) === this.replica.port;
    });
    await becomes(this.replica, "master");
    await this.holdElections();
  }

  /** Port of the master that Sentinel tells to clients; undefined while Sentinel does not answer. */
  async masterPort(): Promise<number | undefined> {
    const address = await this.#ask((client) => client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME));
    return Array.isArray(address) ? Number(address[1]) : undefined;
  }

  /** Epoch of the configuration, which each failover raises: `"0"` before the first. Undefined as {@link masterPort}. */
  async failovers(): Promise<string | undefined> {
    const fields = await this.#ask((client) => client.call("SENTINEL", "MASTER", NAME));
    if (!Array.isArray(fields)) return undefined;
    return String(fields[fields.indexOf("config-epoch") + 1]);
  }

  /** Resolves when the former master follows the new one. */
  async demoted(): Promise<void> {
    await becomes(this.master, "slave");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    if (this.#child.kill("SIGKILL")) await ended;
    await this.replica[Symbol.asyncDispose]();
    await this.master[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #takeForDeadAfter(ms: number): Promise<void> {
    await this.#ask((client) => client.call("SENTINEL", "SET", NAME, "down-after-milliseconds", ms));
  }

  /** A Sentinel can only promote a replica that it knows and that is in step. */
  async #watches(): Promise<void> {
    await follows(this.replica);
    await eventually("Sentinel takes the replica for in step", async () => {
      const replicas = await this.#ask((client) => client.call("SENTINEL", "REPLICAS", NAME));
      return JSON.stringify(replicas)?.includes('"master-link-status","ok"') ?? false;
    });
  }

  /** Undefined while Sentinel does not answer. */
  async #ask(question: (client: Redis) => Promise<unknown>): Promise<unknown> {
    const password = this.#password;
    const options = { lazyConnect: true, retryStrategy: null, enableReadyCheck: false, password };
    const client = new Redis(this.#port, "127.0.0.1", options);
    client.on("error", () => undefined);
    try {
      await client.connect();
      return await question(client);
    } catch {
      return undefined;
    } finally {
      client.disconnect();
    }
  }
}

const configuration = (port: number, master: number): string => `bind 127.0.0.1
port ${port}
sentinel monitor ${NAME} 127.0.0.1 ${master} 1
sentinel down-after-milliseconds ${NAME} ${NEVER_MS}
sentinel failover-timeout ${NAME} 5000
`;
