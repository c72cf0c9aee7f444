/** Tests for backplanes: the contract of the port, and what it is tested with. See docs/BACKPLANES.md. */
export { backplaneContract } from "./contract/contract.ts";
export {
  acquaint,
  type ClusterOptions,
  connectionOf,
  type Implementation,
  NO_RULES,
  RecordingSink,
  type StartedCluster,
  startCluster,
  type TestCluster,
  type TestNode,
  upTo,
} from "./harness.ts";
export type { Expect, Runner } from "./runner.ts";
