import { describe } from "vitest";
import { clusterContract } from "./cluster.ts";
import { cursorsContract } from "./cursors.ts";
import { deliveryContract } from "./delivery.ts";
import { epochsContract } from "./epochs.ts";
import type { Implementation } from "./harness.ts";
import { historyContract } from "./history.ts";
import { idempotencyContract } from "./idempotency.ts";
import { lifeContract } from "./life.ts";
import { membershipsContract } from "./memberships.ts";
import { presenceContract } from "./presence.ts";
import { roomsContract } from "./rooms.ts";
import { onlineContract } from "./roster.ts";
import { rulesContract } from "./rules.ts";

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
    describe("rooms", () => roomsContract(implementation));
    describe("rules on connections", () => rulesContract(implementation));
    describe("pages of online users", () => onlineContract(implementation));
    describe("cluster", () => clusterContract(implementation));
    describe("life", () => lifeContract(implementation));
  });
}
