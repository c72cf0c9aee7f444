/** PostgreSQL servers of a test's own. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { endWithProcess } from "../end-with-process.ts";
import { eventually } from "../eventually.ts";
import { freePort } from "../free-port.ts";
import { needs } from "../tools.ts";

/** Debian keeps the programs of a server apart, by version. */
const DIRECTORY = globSync("/usr/lib/postgresql/*/bin").sort().at(-1);

const programOf = (name: string): string => (DIRECTORY === undefined ? name : join(DIRECTORY, name));

needs(programOf("postgres"));

/** The server refuses to run as root. Its package brings a user. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

const USER = "app";
const PASSWORD = "correct-horse-battery";

/** A PostgreSQL on a free loopback port with one database, which a test can stop and restart. `await using` stops it. */
export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  #child: ChildProcess;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.#directory = directory;
    this.#child = this.#spawn();
  }

  static async start(): Promise<PostgresServer> {
    const directory = await mkdtemp(join(tmpdir(), "tidings-postgres-"));
    const password = join(directory, "password");
    await writeFile(password, PASSWORD);
    const { uid, gid } = unprivileged();
    if (uid !== undefined && gid !== undefined)
      for (const path of [directory, password]) chownSync(path, uid, gid);
    const options = [
      "-U",
      USER,
      "--pwfile",
      password,
      "-A",
      "scram-sha-256",
      "-E",
      "UTF8",
      "--locale",
      "C",
      "--no-sync",
    ];
    await promisify(execFile)(programOf("initdb"), ["-D", join(directory, "data"), ...options], {
      ...unprivileged(),
      cwd: directory,
    });
    for (let attempt = 0; attempt < 5; attempt++) {
      const server = new PostgresServer(await freePort(), directory);
      if (await server.#answers()) return server;
      // Another process took the port meanwhile.
    }
    throw new Error("postgres ends at once");
  }

  /** URL of the database, with the password of its owner. */
  get url(): string {
    return `postgres://${USER}:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  }

  /** URL of an empty database. @param name a word */
  async database(name: string, options = ""): Promise<string> {
    await this.query(`CREATE DATABASE ${name} ${options}`);
    return this.url.replace(/postgres$/, name);
  }

  /** Runs a query, over a connection of its own. */
  async query(
    sql: string,
    values: readonly unknown[] = [],
    url = this.url,
  ): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 60_000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(sql, [...values]);
      return rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Ends the server and all connections at once, as a crash does. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (hasEnded(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGQUIT");
    await ended;
  }

  /** Starts an ended server again on its port, with its data. */
  async restart(): Promise<void> {
    this.#child = this.#spawn();
    if (!(await this.#answers())) throw new Error(`postgres ended with ${this.#child.exitCode}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #spawn(): ChildProcess {
    const where = ["-D", join(this.#directory, "data"), "-h", "127.0.0.1", "-p", String(this.port), "-k", ""];
    const quick = ["-c", "fsync=off", "-c", "max_connections=50", "-c", "shared_buffers=16MB"];
    const options = { ...unprivileged(), cwd: this.#directory, stdio: "ignore" } as const;
    const child = spawn(programOf("postgres"), [...where, ...quick], options);
    endWithProcess(child);
    return child;
  }

  /** False when the process ends before it answers. */
  async #answers(): Promise<boolean> {
    const child = this.#child;
    await eventually(`postgres answers on port ${this.port}`, async () => {
      if (hasEnded(child)) return true;
      return this.query("SELECT 1").then(Boolean, () => false);
    });
    return !hasEnded(child);
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;
