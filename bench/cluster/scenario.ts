import type { Row } from "../scenario.ts";
import type { ClusterContender } from "./contenders.ts";
import type { BenchRedis } from "./redis.ts";
import type { ClusterOutcome, ClusterRig, Receivers } from "./rig.ts";
import type { ClusterScale } from "./scale.ts";

/** The tools of a scenario of the cluster. */
export interface ClusterBench {
  scale: ClusterScale;
  contenders: readonly ClusterContender[];
  redis: BenchRedis;
  /** Opens two nodes and their users; the bench closes them when the scenario ends. */
  open(contender: ClusterContender, users: number, receivers: Receivers): Promise<ClusterRig>;
  /** Prints progress. */
  progress(text: string): void;
}

export interface ClusterScenario {
  name: string;
  /** The heading of its table. */
  title: string;
  run(bench: ClusterBench): Promise<Row[]>;
}

/** Opens a rig for each contender, one after the other. Contenders whose node B cannot count messages get clients. */
export async function openAll(
  bench: ClusterBench,
  contenders: readonly ClusterContender[],
  wanted: Receivers,
): Promise<ClusterRig[]> {
  const { users, sockets } = bench.scale;
  const rigs: ClusterRig[] = [];
  for (const contender of contenders) {
    bench.progress(contender.title);
    const receivers = wanted === "held by B" && !contender.hasSink ? "clients of B" : wanted;
    rigs.push(await bench.open(contender, receivers === "held by B" ? users : sockets, receivers));
  }
  return rigs;
}

/** The kind of receivers of a rig, as the tables name it. */
export const caseOf = ({ users, hasClients }: Pick<ClusterRig, "users" | "hasClients">): string =>
  `${users} ${hasClients ? "clients" : "users"}`;

/** The cost of a message to each process, and the rate. */
export function perMessage({ report, cpuUs }: ClusterOutcome) {
  const { messages, elapsedMs } = report;
  const { sender, receiver, redis } = cpuUs;
  return {
    perSecond: (messages / elapsedMs) * 1000,
    perCoreSecond: (messages / Math.max(sender, receiver, redis)) * 1e6,
    senderUs: sender / messages,
    receiverUs: receiver / messages,
    redisUs: redis / messages,
  };
}
