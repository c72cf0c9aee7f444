import type { Row } from "../scenario.ts";
import type { ClusterContender } from "./contenders.ts";
import type { BenchRedis } from "./redis.ts";
import type { ClusterOutcome, ClusterRig, Receivers } from "./rig.ts";
import type { ClusterScale } from "./scale.ts";

/** What a scenario of the cluster is given to work with. */
export interface ClusterBench {
  scale: ClusterScale;
  contenders: readonly ClusterContender[];
  redis: BenchRedis;
  /** Opens two nodes and their users; the bench closes them when the scenario ends. */
  open(contender: ClusterContender, users: number, receivers: Receivers): Promise<ClusterRig>;
  /** Says what is being done. */
  progress(text: string): void;
}

export interface ClusterScenario {
  name: string;
  /** What a line of its table says. */
  title: string;
  run(bench: ClusterBench): Promise<Row[]>;
}

/** Opens a rig for each contender, one after the other. Those whose node B cannot count by itself get clients. */
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

/** Who holds the users of a rig, as the tables say it. */
export const caseOf = ({ users, hasClients }: Pick<ClusterRig, "users" | "hasClients">): string =>
  `${users} ${hasClients ? "clients" : "users"}`;

/** What a message has cost each process, and how many there were. */
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
