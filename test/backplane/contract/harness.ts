// The tests of this repository use what the package gives to others.
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
} from "../../../src/testing/testing.ts";
