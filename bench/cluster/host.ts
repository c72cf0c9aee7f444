import { setImmediate as nextTurn } from "node:timers/promises";
import { machineUs } from "../../src/loadtest/measure/clock.ts";
import { PaceServer } from "../measure/pace.ts";
import type { BenchData } from "../rig/rig.ts";
import { answerCalls, collectGarbage, paced, publishToOne, startMeter, TEXT } from "../rig/rig.ts";
import type { FlowPlan, FlowReport, NodeApi, NodeArgument } from "./api.ts";
import { Arrivals } from "./arrivals.ts";

/** A node of a cluster, as the users of its library would write it. */
export interface ClusterNode {
  /** Port to which clients connect; 0 if the node takes none. */
  port: number;
  /** Publishes one message to one user on any node. */
  send(user: string, data: BenchData, stored: boolean): void;
  /** Publishes one message to several users. */
  sendTogether?(users: string[], data: BenchData, stored: boolean): void;
  /** Adds the users `u0` … to this node; their messages go to `arrivals`. */
  hold?(users: number, arrivals: Arrivals): Promise<void>;
}

/** Padding for a message without a user's id, so that it is as long as one with an id. */
const SHARED_TEXT = TEXT + TEXT.slice(0, 8);

/** The argument of this node's program. */
export const nodeArgument = (): NodeArgument => JSON.parse(process.argv[2] ?? "{}") as NodeArgument; // by the rig

/** Runs a node for the bench: every contender is measured by this same code. */
export async function hostNode(node: ClusterNode): Promise<void> {
  const pace = await PaceServer.listen();
  const arrivals = new Arrivals();
  answerCalls<NodeApi>({
    address: () => ({ port: node.port, pacePort: pace.port }),
    async hold({ users }) {
      if (node.hold === undefined) throw new Error("this node counts nothing without sockets");
      arrivals.expect(users);
      await node.hold(users, arrivals);
      return null;
    },
    begin: (phase) => arrivals.begin(phase).then(() => null),
    reach: ({ messages }) => arrivals.reach(messages).then(() => null),
    tally: () => arrivals.tally(),
    publishFlow: (plan) => publishFlow(node, pace, plan),
    publishAtRate: (plan) =>
      paced({ ...plan, everyMs: 1 }, (index) => publishToOne(node, plan, index, machineUs())),
    collectGarbage() {
      collectGarbage(false);
      return null;
    },
    usage() {
      const { user, system } = process.cpuUsage();
      return { cpuUs: user + system };
    },
  });
}

/** Publishes as {@link FlowPlan} says. */
async function publishFlow(node: ClusterNode, pace: PaceServer, plan: FlowPlan): Promise<FlowReport> {
  const { perTick, users, seconds, chunk, window } = plan;
  pace.reset();
  const meter = startMeter();
  const until = performance.now() + seconds * 1000;
  let sent = 0;
  while (performance.now() < until || sent % users !== 0) {
    // The last tick may be shorter, so that every user gets equally many messages.
    const end =
      performance.now() < until ? sent + perTick : Math.min(sent + perTick, nextMultiple(sent, users));
    while (sent < end) {
      if (plan.together) sent = publishTogether(node, plan, sent, end);
      else publishToOne(node, plan, sent++);
    }
    await nextTurn();
    await pace.reach(Math.ceil((sent - window) / chunk), 1);
  }
  await pace.reach(sent / chunk, 1);
  return { messages: sent, ...meter() };
}

/** Publishes to the next users of the turn, as long as they get the same message. @returns index of the next message */
function publishTogether(node: ClusterNode, { users, stored }: FlowPlan, from: number, end: number): number {
  const first = from % users;
  const list = Array.from({ length: Math.min(end - from, users - first) }, (_, index) => `u${first + index}`);
  if (node.sendTogether === undefined) throw new Error("this node sends to one user at a time");
  node.sendTogether(list, { n: Math.floor(from / users), text: SHARED_TEXT }, stored);
  return from + list.length;
}

const nextMultiple = (count: number, of: number): number => Math.ceil(count / of) * of;
