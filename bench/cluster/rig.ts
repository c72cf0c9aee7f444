import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { watched } from "../measure/watchdog.ts";
import type { ReceiverApi, Tally } from "../rig/rig.ts";
import { Caller, spawnNode, startReceiver } from "../rig/rig.ts";
import type { ArrivalPhase, FlowPlan, FlowReport, NodeApi, NodeArgument, RatePlan } from "./api.ts";
import type { ClusterContender } from "./contenders.ts";
import type { BenchRedis } from "./redis.ts";

/**
 * Flags that docs/OPERATIONS.md advises for busy nodes that share their cores. Helper threads of the garbage collector
 * would only compete with the node for its core. Messages in flight are never allocated in the old generation. All
 * contenders get the flags.
 */
const NODE_FLAGS = ["--max-semi-space-size=32", "--single-threaded-gc", "--no-allocation-site-pretenuring"];
/** Handshakes in flight at most. */
const CONCURRENCY = 100;
/** Messages in flight at most: enough to keep all three busy, and few enough for queues to stay short. */
const WINDOW = 5_000;
/** Maximum of messages per confirmation. */
const LARGEST_CHUNK = 1_000;
/** Clients whose messages are read and timed; to read all of them would add to the latency. */
const READ_EVERY = 10;

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** The receivers: users on node B without sockets, or clients with sockets on one of the nodes. */
export type Receivers = "held by B" | "clients of B" | "clients of A";

export interface ClusterRigOptions {
  contender: ClusterContender;
  redis: BenchRedis;
  users: number;
  receivers: Receivers;
  /** Writes a CPU profile of each node into this directory when it ends. */
  profileTo?: string;
}

/** The result of a plan: the report of node A, the messages that arrived, and the CPU time of each process. */
export interface ClusterOutcome {
  report: FlowReport;
  tally: Tally;
  /** CPU time of node A, of node B and of Redis, in microseconds. */
  cpuUs: { sender: number; receiver: number; redis: number };
  /** Commands that Redis has processed, those within scripts included. */
  commands: number;
}

type Usage = Pick<ClusterOutcome, "cpuUs" | "commands">;

interface RigParts {
  readonly contender: ClusterContender;
  readonly users: number;
  readonly redis: BenchRedis;
  readonly sender: Caller<NodeApi>;
  readonly receiver: Caller<NodeApi>;
  /** The process that holds the clients, where there are any. */
  readonly clients?: Caller<ReceiverApi>;
  /** Of node A. */
  readonly pacePort: number;
}

/** Two nodes in processes of their own, A that publishes and B, a Redis between them, and users on one of the two. */
export class ClusterRig {
  readonly #parts: RigParts;

  static async open({
    contender,
    redis,
    users,
    receivers,
    profileTo,
  }: ClusterRigOptions): Promise<ClusterRig> {
    const prefix = `${randomBytes(5).toString("base64url")}:`; // as long as the default one
    const start = (letter: "a" | "b", program: string, hasReceivers: boolean): Promise<Caller<NodeApi>> => {
      const argument: NodeArgument = { url: redis.url, prefix, hasReceivers };
      const profile =
        profileTo === undefined
          ? undefined
          : { directory: profileTo, name: `cluster-${contender.name}-${letter}` };
      const child = spawnNode([...NODE_FLAGS, pathOf(`nodes/${program}`), JSON.stringify(argument)], profile);
      return Caller.start<NodeApi>(child, `${contender.name}, node ${letter.toUpperCase()}`);
    };
    const { publishes, receives, serves = receives } = contender;
    const [sender, receiver] = await Promise.all([
      start("a", publishes, receivers === "clients of A"),
      start("b", receivers === "held by B" ? receives : serves, true),
    ]);
    const [own, other] = await Promise.all([sender.call("address", null), receiver.call("address", null)]);
    const parts = { contender, users, redis, sender, receiver, pacePort: own.pacePort };
    if (receivers === "held by B") {
      await receiver.call("hold", { users });
      return new ClusterRig(parts);
    }
    const clients = await startReceiver();
    const { port } = receivers === "clients of A" ? own : other;
    const { dialect } = contender;
    const connections = { port, dialect, count: users, concurrency: CONCURRENCY, firstUser: 0 };
    await watched(clients.call("connect", connections), contender.name, () => clients.call("tally", null));
    return new ClusterRig({ ...parts, clients });
  }

  private constructor(parts: RigParts) {
    this.#parts = parts;
  }

  get contender(): ClusterContender {
    return this.#parts.contender;
  }

  get users(): number {
    return this.#parts.users;
  }

  /** True if the users are clients with sockets. */
  get hasClients(): boolean {
    return this.#parts.clients !== undefined;
  }

  /**
   * Publishes as fast as Redis and the receivers can follow.
   * @throws Error when a user did not get exactly what was published, in order.
   */
  publishFlow(plan: Pick<FlowPlan, "perTick" | "seconds">): Promise<ClusterOutcome> {
    const { contender, users, sender } = this.#parts;
    const { stored, together = false } = contender;
    const chunk = Math.min(users, LARGEST_CHUNK);
    return this.#measure({ chunk, timeEvery: 0 }, () =>
      sender.call("publishFlow", { ...plan, users, stored, together, chunk, window: WINDOW }),
    );
  }

  /**
   * Publishes at a steady rate, and notes how long messages take.
   * @throws Error when a user did not get exactly what was published, in order.
   */
  publishAtRate(plan: Pick<RatePlan, "perSecond" | "seconds">): Promise<ClusterOutcome> {
    const { contender, users, sender } = this.#parts;
    return this.#measure({ chunk: 0, timeEvery: READ_EVERY }, () =>
      sender.call("publishAtRate", { ...plan, users, stored: contender.stored }),
    );
  }

  /** Collects the garbage of both nodes. */
  async collectGarbage(): Promise<void> {
    const { sender, receiver } = this.#parts;
    await Promise.all([sender.call("collectGarbage", null), receiver.call("collectGarbage", null)]);
  }

  /** Ends all its processes. */
  async close(): Promise<void> {
    const { clients, sender, receiver } = this.#parts;
    await clients?.close();
    await Promise.all([sender.close(), receiver.close()]);
  }

  async #measure(
    phase: Omit<ArrivalPhase, "pacePort">,
    publish: () => Promise<FlowReport>,
  ): Promise<ClusterOutcome> {
    const { contender } = this.#parts;
    await this.#begin(phase);
    const before = await this.#usage();
    const report = await watched(publish(), contender.name, () => this.#tally());
    await watched(this.#reach(report.messages), contender.name, () => this.#tally());
    const after = await this.#usage();
    const tally = await this.#tally();
    this.#assertExact(report, tally);
    return { report, tally, ...difference(after, before) };
  }

  #begin({ chunk, timeEvery }: Omit<ArrivalPhase, "pacePort">): Promise<null> {
    const { clients, receiver, users, pacePort } = this.#parts;
    if (clients === undefined) return receiver.call("begin", { chunk, timeEvery, pacePort });
    return clients.call("begin", {
      perTick: chunk / users,
      readEvery: timeEvery || Math.ceil(users / 10),
      latency: timeEvery > 0,
      firstUser: "counted",
      pacePort,
    });
  }

  #reach(messages: number): Promise<null> {
    const { clients, receiver } = this.#parts;
    return clients?.call("reach", { messages }) ?? receiver.call("reach", { messages });
  }

  #tally(): Promise<Tally> {
    const { clients, receiver } = this.#parts;
    return clients?.call("tally", null) ?? receiver.call("tally", null);
  }

  async #usage(): Promise<Usage> {
    const { sender, receiver, redis } = this.#parts;
    const [own, other, { cpuUs, commands }] = await Promise.all([
      sender.call("usage", null),
      receiver.call("usage", null),
      redis.usage(),
    ]);
    return { cpuUs: { sender: own.cpuUs, receiver: other.cpuUs, redis: cpuUs }, commands };
  }

  #assertExact(report: FlowReport, tally: Tally): void {
    const each = report.messages / this.#parts.users;
    const isExact = tally.least === Math.floor(each) && tally.most === Math.ceil(each);
    if (isExact && tally.messages === report.messages && tally.faults.length === 0) return;
    throw new Error(
      `${this.#parts.contender.name}: published ${JSON.stringify(report)}, arrived ${JSON.stringify(tally)}`,
    );
  }
}

const difference = (after: Usage, before: Usage): Usage => ({
  cpuUs: {
    sender: after.cpuUs.sender - before.cpuUs.sender,
    receiver: after.cpuUs.receiver - before.cpuUs.receiver,
    redis: after.cpuUs.redis - before.cpuUs.redis,
  },
  commands: after.commands - before.commands,
});
