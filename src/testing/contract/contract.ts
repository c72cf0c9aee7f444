import type { Implementation } from "../harness.ts";
import type { Runner } from "../runner.ts";
import { clusterContract } from "./cluster.ts";
import { cursorsContract } from "./cursors.ts";
import { deliveryContract } from "./delivery.ts";
import { editsContract } from "./edits/edits.ts";
import { epochsContract } from "./epochs.ts";
import { historyContract } from "./history.ts";
import { idempotencyContract } from "./idempotency.ts";
import { lifeContract } from "./life.ts";
import { listeningContract } from "./listening/listening.ts";
import { membershipsContract } from "./memberships.ts";
import { presenceContract } from "./presence.ts";
import { retentionContract } from "./retention.ts";
import { roomsContract } from "./rooms.ts";
import { onlineContract } from "./roster.ts";
import { rulesContract } from "./rules.ts";

/**
 * Declares the tests that every backplane passes. Facts about several nodes are checked for implementations that have them.
 * @param runner `describe`, `test` and `expect` of Vitest, Jest or Bun; for `node:test` those, and `expect` of the package `expect`
 */
export function backplaneContract(runner: Runner, name: string, implementation: Implementation): void {
  const { describe } = runner;
  describe(name, () => {
    describe("delivery", () => deliveryContract(runner, implementation));
    describe("listening", () => listeningContract(runner, implementation));
    describe("history", () => historyContract(runner, implementation));
    describe("edits", () => editsContract(runner, implementation));
    describe("retention by channel", () => retentionContract(runner, implementation));
    describe("epochs", () => epochsContract(runner, implementation));
    describe("idempotency keys", () => idempotencyContract(runner, implementation));
    describe("cursors", () => cursorsContract(runner, implementation));
    describe("memberships", () => membershipsContract(runner, implementation));
    describe("presence", () => presenceContract(runner, implementation));
    describe("rooms", () => roomsContract(runner, implementation));
    describe("rules on connections", () => rulesContract(runner, implementation));
    describe("pages of online users", () => onlineContract(runner, implementation));
    describe("cluster", () => clusterContract(runner, implementation));
    describe("life", () => lifeContract(runner, implementation));
  });
}
