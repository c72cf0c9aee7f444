import type { HubOptions } from "../../src/index.ts";

/** Options of a hub for tests whose clients do more than its limits allow: they test other budgets. */
export const UNLIMITED = {
  limits: {
    loginsPerUser: "off",
    messagesPerConnection: "off",
    messagesPerUser: "off",
    actionsPerUser: {},
  },
} satisfies HubOptions;

/**
 * Limits of a node that other load on the machine, or a fast machine, would reach: a busy one has no time left, and a fast one
 * admits more than 1,000 clients of a test in a second.
 */
export const NEVER_OVERLOADED = { loopPercent: 0, connectsPerNode: "off" } satisfies HubOptions["overload"];
