import type {
  AnswerError,
  NodeAnswer,
  PresenceView,
  Question,
  Questions,
} from "../../backplane/backplane.ts";
import { idError, isId, TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import type { GroupRate } from "../metrics/metrics.ts";
import { KIND, MAX_CONNECTIONS, MAX_GROUPS, type NodeTop } from "./answers.ts";
import type { ConnectionReport } from "./connections.ts";
import type { NodeStatistics } from "./statistics.ts";

/** Looks into the nodes of the cluster, for operators. Any node answers for any other. */
export interface ClusterView {
  /**
   * Statistics of a node.
   * @throws TidingsError `not_found` when no node has this id, `timeout` when it does not answer, `unavailable` while the backplane is
   * unavailable: so do all methods that name a node
   */
  statistics(node: string): Promise<NodeStatistics>;
  /**
   * Groups of a node with the most messages per second, the busiest first.
   * @param count at most 100. @default 10
   */
  busiestGroups(node: string, count?: number): Promise<GroupRate[]>;
  /**
   * Connections of a node with the most bytes in their send queues, the slowest first. Clients that keep up are left out.
   * @param count at most 50. @default 10
   */
  slowestConnections(node: string, count?: number): Promise<ConnectionReport[]>;
  /**
   * Looks for a connection on all nodes.
   * @returns undefined when no node has it
   * @throws TidingsError `timeout` when it was not found and a node has not answered, `unavailable`
   */
  connection(id: string): Promise<ConnectionReport | undefined>;
  /**
   * Drains a node: it refuses new clients, tells those that it has to reconnect, and is 503 at `/ready`. Its process goes on, and takes
   * clients again when it was restarted.
   * @returns the connections that it had when it began
   */
  drain(node: string): Promise<{ readonly connections: number }>;
  /**
   * All nodes at a glance, with the busiest groups and the slowest connections of the cluster. A node that does not answer has an error;
   * while the backplane is unavailable there is this node only, and `incomplete` says why.
   * @param counts of groups and connections, each at most 25. @default 10
   */
  top(counts?: { readonly groups?: number; readonly connections?: number }): Promise<ClusterTop>;
}

/** All nodes at a glance. */
export interface ClusterTop {
  /** Milliseconds since 1970, by the clock of the node that answers. */
  readonly at: number;
  /** Id of the node that answers. */
  readonly node: string;
  /**
   * Users online in the cluster, each counted once, as `hub.presence.count()` does. Null while the backplane is unavailable: the sum over
   * nodes counts a user of two nodes twice.
   */
  readonly users: number | null;
  readonly nodes: readonly NodeEntry[];
  readonly groups: readonly ClusterGroupRate[];
  readonly connections: readonly ConnectionReport[];
  /** Why nodes are missing; null when all were asked. */
  readonly incomplete: string | null;
}

/** A node, or why it has not answered. */
export type NodeEntry =
  | { readonly node: string; readonly statistics: NodeStatistics; readonly error?: undefined }
  | { readonly node: string; readonly statistics?: undefined; readonly error: AnswerError };

/** Messages of a group in the cluster, per second. */
export interface ClusterGroupRate extends GroupRate {
  /** Nodes that tell of the group. */
  readonly nodes: number;
}

/** Most groups, and most connections, of {@link ClusterView.top}: both together must fit into an answer. */
export const MAX_TOP = 25;

export interface ViewPorts {
  readonly questions: Questions;
  /** Id of this node. */
  readonly node: string;
  readonly presence: Pick<PresenceView, "count">;
}

export function clusterView({ questions, node, presence }: ViewPorts): ClusterView {
  // Nodes answer their own code, so the form of an answer is known.
  const ask = async <Answer>(asked: string, kind: string, fields?: object): Promise<Answer> => {
    if (!isId(asked)) throw idError("node");
    return (await questions.askNode(asked, { kind, ...fields })) as Answer;
  };
  return {
    statistics: (asked) => ask(asked, KIND.stats),
    busiestGroups: async (asked, count = 10) =>
      ask(asked, KIND.groups, { count: whole("count", count, MAX_GROUPS) }),
    slowestConnections: async (asked, count = 10) =>
      ask(asked, KIND.connections, { count: whole("count", count, MAX_CONNECTIONS) }),
    drain: (asked) => ask(asked, KIND.drain),
    async connection(id) {
      if (!isId(id)) throw idError("connection");
      const answers = await questions.askAll({ kind: KIND.connection, id });
      const found = answers.find(({ answer }) => answer !== undefined && answer !== null);
      const silent = answers.find(({ error }) => error !== undefined);
      if (found === undefined && silent?.error !== undefined) {
        throw new TidingsError(silent.error.code, silent.error.message);
      }
      return found?.answer as ConnectionReport | undefined;
    },
    async top({ groups = 10, connections = 10 } = {}) {
      const counts = {
        groups: whole("groups", groups, MAX_TOP),
        connections: whole("connections", connections, MAX_TOP),
      };
      const [{ answers, incomplete }, users] = await Promise.all([
        askAvailable(questions, node, { kind: KIND.top, ...counts }),
        presence.count().then(
          (counted) => counted.users,
          () => null,
        ),
      ]);
      return { at: Date.now(), node, users, ...combined(answers, counts), incomplete };
    },
  };
}

/**
 * Asks all nodes; this one only while the backplane is unavailable, and `incomplete` says why.
 * @param node id of this node
 */
export async function askAvailable(
  questions: Questions,
  node: string,
  question: Question,
): Promise<{ answers: readonly NodeAnswer[]; incomplete: string | null }> {
  try {
    return { answers: await questions.askAll(question), incomplete: null };
  } catch (thrown) {
    const { code, message } = toTidingsError(thrown);
    if (code !== "unavailable") throw thrown;
    const answer = await questions.askNode(node, question);
    return { answers: [{ node, answer }], incomplete: message };
  }
}

function combined(
  answers: readonly NodeAnswer[],
  { groups, connections }: { readonly groups: number; readonly connections: number },
): Pick<ClusterTop, "nodes" | "groups" | "connections"> {
  const tops = answers.flatMap(({ answer }) => (answer === undefined ? [] : [answer as NodeTop])); // its answerer made it
  const slowestFirst = tops
    .flatMap((top) => top.connections)
    .sort((one, other) => other.queue.bytes - one.queue.bytes);
  return {
    nodes: answers.map(({ node, answer, error }) => {
      return error === undefined ? { node, statistics: (answer as NodeTop).statistics } : { node, error };
    }),
    groups: sumOf(tops.flatMap((top) => top.groups)).slice(0, groups),
    connections: slowestFirst.slice(0, connections),
  };
}

/** Rates of groups in the cluster. A message reaches every node with members, so those of the nodes are not added. */
function sumOf(rates: readonly GroupRate[]): ClusterGroupRate[] {
  const byGroup = [...Map.groupBy(rates, ({ group }) => group)].map(([group, some]) => ({
    group,
    messages: Math.max(...some.map(({ messages }) => messages)),
    deliveries: some.reduce((sum, { deliveries }) => sum + deliveries, 0),
    nodes: some.length,
  }));
  return byGroup.sort((one, other) => other.messages - one.messages);
}

/** @throws TidingsError `bad_request` for anything but a whole number up to the limit */
function whole(name: string, count: number, limit: number): number {
  if (Number.isInteger(count) && count >= 0 && count <= limit) return count;
  throw new TidingsError("bad_request", `${name}: expected a whole number from 0 to ${limit}, got ${count}`);
}
