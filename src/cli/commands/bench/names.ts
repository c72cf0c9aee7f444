import type { ScenarioName } from "../../../loadtest/loadtest.ts";

/** Scenarios for Tidings, then those for any server. `connect` and `idle` are for both. */
export const SCENARIOS: readonly ScenarioName[] = [
  "connect",
  "fanout",
  "direct",
  "chat",
  "cross-node",
  "storm",
  "idle",
  "soak",
  "echo",
  "broadcast",
];
