/**
 * Publishes inside an application's own SQL transaction: the application inserts rows into a table, and a relay publishes those that were
 * committed. See docs/PUBLISH-IN-A-TRANSACTION.md.
 */
export type { Backlog } from "./backlog.ts";
export { createRelay, type Relay, type RelayCounts, type RelayOptions } from "./relay.ts";
export { outboxSchema } from "./schema.ts";
export type { RemoteHub } from "./targets/remote.ts";
