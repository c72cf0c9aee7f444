import { describe } from "vitest";
import { clusterContract } from "./contract-cluster.ts";
import { cursorsContract } from "./contract-cursors.ts";
import { deliveryContract } from "./contract-delivery.ts";
import { epochsContract } from "./contract-epochs.ts";
import { historyContract } from "./contract-history.ts";
import { idempotencyContract } from "./contract-idempotency.ts";
import { lifeContract } from "./contract-life.ts";
import { membershipsContract } from "./contract-memberships.ts";
import { presenceContract } from "./contract-presence.ts";
import { rosterContract } from "./contract-roster.ts";
import { rulesContract } from "./contract-rules.ts";
import type { Implementation } from "./harness.ts";

/** Contract of every backplane. Facts about several nodes are checked for implementations that have them. */
export function backplaneContract(name: string, implementation: Implementation): void {
  describe(name, () => {
    describe("delivery", () => deliveryContract(implementation));
    describe("history", () => historyContract(implementation));
    describe("epochs", () => epochsContract(implementation));
    describe("idempotency keys", () => idempotencyContract(implementation));
    describe("cursors", () => cursorsContract(implementation));
    describe("memberships", () => membershipsContract(implementation));
    describe("presence", () => presenceContract(implementation));
    describe("rules on connections", () => rulesContract(implementation));
    describe("pages of online users", () => rosterContract(implementation));
    describe("cluster", () => clusterContract(implementation));
    describe("life", () => lifeContract(implementation));
  });
}
