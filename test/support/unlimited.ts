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
