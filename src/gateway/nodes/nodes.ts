/** Nodes of the cluster as operators see them: what a node answers about itself, and who asks it. */
export { type AnswerParts, answerQuestions, MAX_CONNECTIONS, MAX_GROUPS } from "./answers.ts";
export {
  type FoundGroup,
  type FoundUser,
  findGroups,
  findUsers,
  MAX_NAMES,
  type NameQuery,
  type Page,
  type SilentNode,
  sessionsOf,
} from "./browse.ts";
export type { ConnectionReport } from "./connections.ts";
export { type History, historyOf, SERIES } from "./history.ts";
export type { NodeRates, NodeStatistics } from "./statistics.ts";
export {
  askAvailable,
  type ClusterGroupRate,
  type ClusterTop,
  type ClusterView,
  clusterView,
  MAX_TOP,
  type NodeEntry,
  type ViewPorts,
} from "./view.ts";
