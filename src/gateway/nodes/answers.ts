import type { Question, Questions } from "../../backplane/backplane.ts";
import type { GroupRate } from "../metrics/metrics.ts";
import { answerBrowsing } from "./browse.ts";
import { type ConnectionReport, findConnection, slowestConnections } from "./connections.ts";
import { answerHistory, NodeHistory } from "./history.ts";
import { type NodeStatistics, type StatisticsParts, statisticsOf } from "./statistics.ts";

/** Kinds of questions about nodes. */
export const KIND = {
  stats: "stats",
  groups: "groups",
  connections: "connections",
  connection: "connection",
  drain: "drain",
  top: "top",
} as const;

/** Most groups of an answer: their names may be long, and an answer is bounded. */
export const MAX_GROUPS = 100;

/** Most connections of an answer. */
export const MAX_CONNECTIONS = 50;

/** What a node tells of itself for `GET /nodes/top`. */
export interface NodeTop {
  readonly statistics: NodeStatistics;
  readonly groups: readonly GroupRate[];
  readonly connections: readonly ConnectionReport[];
}

export interface AnswerParts extends StatisticsParts {
  readonly questions: Questions;
  /** Begins to drain this node. @default this node cannot be drained by others */
  readonly drain?: (() => void) | undefined;
}

/** Lets this node answer questions about itself. */
export function answerQuestions(parts: AnswerParts): void {
  const { questions, local, metrics, drain } = parts;
  const groups = ({ count }: Question): GroupRate[] => metrics.busiest.top(atMost(MAX_GROUPS, count));
  const connections = ({ count }: Question): ConnectionReport[] =>
    slowestConnections(local, atMost(MAX_CONNECTIONS, count));
  questions.answer(KIND.stats, () => statisticsOf(parts));
  questions.answer(KIND.groups, groups);
  questions.answer(KIND.connections, connections);
  questions.answer(KIND.connection, ({ id }) => findConnection(local, String(id)));
  questions.answer(KIND.top, (question): NodeTop => {
    return {
      statistics: statisticsOf(parts),
      groups: groups({ ...question, count: question.groups }),
      connections: connections({ ...question, count: question.connections }),
    };
  });
  const history = new NodeHistory(() => statisticsOf(parts));
  metrics.everySecond(() => history.tick());
  answerHistory(questions, history);
  answerBrowsing(questions, local, metrics);
  if (drain === undefined) return;
  questions.answer(KIND.drain, () => {
    drain();
    return { connections: local.size };
  });
}

/** A number of a question, bounded: a node of another version may have asked. */
const atMost = (limit: number, count: unknown): number =>
  typeof count === "number" && count >= 0 ? Math.min(limit, Math.floor(count)) : limit;
