import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Caller } from "../../src/loadtest/processes/calls.ts";
import { watched } from "../measure/watchdog.ts";
import type { PacedPlan, Phase, PublishReport, ReceiverApi, ServerApi, Tally, TickPlan } from "./api.ts";
import type { ContenderInfo } from "./contenders.ts";

export { answerCalls, Caller } from "../../src/loadtest/processes/calls.ts";
export { clientText } from "../../src/loadtest/socket/frames.ts";
export type { Audience, DialectName, PublishReport, ReceiverApi, Tally, TickPlan } from "./api.ts";
export { Connection, type ConnectionListener } from "./connection.ts";
export { CONTENDERS, type ContenderInfo, type ContenderName } from "./contenders.ts";
export { type BenchData, DIALECTS } from "./dialects.ts";
export { FrameCounter } from "./frames.ts";
export { type Contender, collectGarbage, host, plainText } from "./host.ts";
export { type Metered, paced, publishToOne, startMeter, TEXT } from "./publisher.ts";

/** Handshakes in flight at most, unless a scenario says otherwise. */
const CONCURRENCY = 200;

/** Every Node server runs as `npm start` does: with a small young generation, so that few pages are kept in reserve. */
const NODE_FLAGS = ["--expose-gc", "--max-semi-space-size=8"];

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export interface RigOptions {
  contender: ContenderInfo;
  /** Receiver processes. One holds as many connections as the file-descriptor limit allows. */
  receivers: number;
  /** Writes a CPU profile of the server into this directory when it ends. Node only. */
  profileTo?: string;
}

/** The result of a plan: the server's report, and the sum of the receivers' tallies. */
export interface Outcome {
  report: PublishReport;
  tally: Tally;
}

/** A server process under test, and the processes that hold its clients. */
export class Rig {
  readonly contender: ContenderInfo;
  readonly server: Caller<ServerApi>;
  readonly receivers: readonly Caller<ReceiverApi>[];
  readonly runtime: string;
  readonly #port: number;
  readonly #pacePort: number;
  #connections = 0;

  static async open({ contender, receivers, profileTo }: RigOptions): Promise<Rig> {
    const server = await Caller.start<ServerApi>(spawnServer(contender, profileTo), contender.name);
    const address = await server.call("address", null);
    const pool = await Promise.all(Array.from({ length: receivers }, startReceiver));
    return new Rig(contender, server, pool, address);
  }

  private constructor(
    contender: ContenderInfo,
    server: Caller<ServerApi>,
    receivers: Caller<ReceiverApi>[],
    { port, pacePort, runtime }: { port: number; pacePort: number; runtime: string },
  ) {
    this.contender = contender;
    this.server = server;
    this.receivers = receivers;
    this.runtime = runtime;
    this.#port = port;
    this.#pacePort = pacePort;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Opens connections until there are `total`, an equal share in every receiver. Resolves with the time it took. */
  async connect(
    total: number,
    { group, concurrency = CONCURRENCY }: { group?: string; concurrency?: number } = {},
  ) {
    const share = (total - this.#connections) / this.receivers.length;
    const opened = this.receivers.map((receiver, index) => {
      const firstUser = this.#connections + Math.floor(share * index);
      const count = this.#connections + Math.floor(share * (index + 1)) - firstUser;
      const { dialect } = this.contender;
      return receiver.call("connect", { port: this.#port, dialect, count, concurrency, firstUser, group });
    });
    const results = await this.#watched(Promise.all(opened));
    this.#connections = total;
    return { elapsedMs: Math.max(...results.map(({ elapsedMs }) => elapsedMs)) };
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.receivers.map((receiver) => receiver.call("disconnect", null)));
    this.#connections = 0;
  }

  /**
   * Publishes tick by tick.
   * @throws Error when a receiver did not get exactly what was published.
   */
  async publishTicks(
    plan: Pick<TickPlan, "audience" | "perTick" | "cpuBudgetMs"> & Partial<TickPlan>,
  ): Promise<Outcome> {
    const whole: TickPlan = {
      users: this.#connections,
      stored: this.contender.stored,
      receivers: this.receivers.length,
      minTicks: 2,
      maxTicks: 1_000,
      depth: 1,
      watchLoop: false,
      ...plan,
    };
    await this.#begin({
      perTick: plan.perTick,
      readEvery: Math.ceil(this.#connections / 10),
      latency: false,
    });
    const report = await this.#watched(this.server.call("publishTicks", whole));
    return this.#outcome(report, plan.audience);
  }

  /**
   * Publishes at a steady rate and waits until all has arrived.
   * @throws Error when a receiver did not get exactly what was published.
   */
  async publishPaced(
    plan: Omit<PacedPlan, "users">,
    { readEvery, firstUser }: Pick<Phase, "readEvery"> & Partial<Phase>,
  ): Promise<Outcome> {
    await this.#begin({ perTick: 0, readEvery, latency: true, firstUser });
    const report = await this.#watched(
      this.server.call("publishPaced", { ...plan, users: this.#connections }),
    );
    const counted = this.#connections - (firstUser === undefined ? 0 : 1);
    const messages = report.messages * (plan.audience === "everyone" ? counted : 1);
    const [receiver, another] = this.receivers;
    if (receiver === undefined || another !== undefined)
      throw new Error("paced plans take one receiver process");
    await this.#watched(receiver.call("reach", { messages }));
    return this.#outcome(report, plan.audience);
  }

  /** Sends requests from every connection; resolves when all are answered. */
  async request(depth: number, bursts: number): Promise<{ replies: number; elapsedMs: number }> {
    const runs = await this.#watched(
      Promise.all(this.receivers.map((receiver) => receiver.call("request", { depth, bursts }))),
    );
    const { least, most, faults } = await this.#tally();
    if (faults.length > 0 || least !== depth * bursts || most !== least) {
      throw new Error(
        `${this.contender.name}: ${least}–${most} replies for ${depth * bursts} requests; ${faults.join("; ")}`,
      );
    }
    return {
      replies: runs.reduce((sum, { replies }) => sum + replies, 0),
      elapsedMs: Math.max(...runs.map(({ elapsedMs }) => elapsedMs)),
    };
  }

  /** Ends all its processes. */
  async close(): Promise<void> {
    await Promise.all([...this.receivers, this.server].map((process) => process.close()));
  }

  async #begin(phase: Omit<Phase, "pacePort" | "firstUser"> & Partial<Phase>): Promise<void> {
    const whole: Phase = { ...phase, firstUser: phase.firstUser ?? "counted", pacePort: this.#pacePort };
    await Promise.all(this.receivers.map((receiver) => receiver.call("begin", whole)));
  }

  async #outcome(report: PublishReport, audience: TickPlan["audience"]): Promise<Outcome> {
    const tally = await this.#tally();
    const each = audience === "everyone" ? report.messages : report.messages / this.#connections;
    const isExact = tally.least === Math.floor(each) && tally.most === Math.ceil(each);
    if (isExact && tally.faults.length === 0) return { report, tally };
    throw new Error(
      `${this.contender.name}: published ${JSON.stringify(report)}, arrived ${JSON.stringify(tally)}`,
    );
  }

  async #tally(): Promise<Tally> {
    const tallies = await Promise.all(this.receivers.map((receiver) => receiver.call("tally", null)));
    return tallies.reduce((sum, tally) => ({
      connections: sum.connections + tally.connections,
      messages: sum.messages + tally.messages,
      bytes: sum.bytes + tally.bytes,
      least: Math.min(sum.least, tally.least),
      most: Math.max(sum.most, tally.most),
      checked: sum.checked + tally.checked,
      latencyMs: sum.latencyMs, // paced plans take one receiver process
      faults: [...sum.faults, ...tally.faults],
    }));
  }

  /** Fails when an answer is overdue, and reports the receivers' tallies. */
  #watched<Result>(answer: Promise<Result>): Promise<Result> {
    return watched(answer, this.contender.name, () => this.#tally());
  }
}

function spawnServer({ program, runtime }: ContenderInfo, profileTo: string | undefined): ChildProcess {
  const file = pathOf(`../servers/${program}`);
  if (runtime === "bun") return spawnWithCalls(pathOf("../../node_modules/.bin/bun"), [file]);
  return spawnNode([file], profileTo === undefined ? undefined : { directory: profileTo, name: program });
}

/** Runs a program as `npm start` runs the server; with `profile` it writes a CPU profile when it ends. */
export function spawnNode(args: string[], profile?: { directory: string; name: string }): ChildProcess {
  const flags = profile
    ? ["--cpu-prof", `--cpu-prof-dir=${profile.directory}`, `--cpu-prof-name=${profile.name}.cpuprofile`]
    : [];
  return spawnWithCalls(process.execPath, [...NODE_FLAGS, ...flags, ...args]);
}

/** Output of the process, such as a log, goes to standard error: standard output is for the results. */
function spawnWithCalls(command: string, args: string[]): ChildProcess {
  return spawn(command, args, { stdio: ["ignore", process.stderr, process.stderr, "ipc"] });
}

/** Starts a process that holds clients. */
export const startReceiver = (): Promise<Caller<ReceiverApi>> =>
  Caller.start<ReceiverApi>(spawnWithCalls(process.execPath, [pathOf("receiver.ts")]), "receiver");
