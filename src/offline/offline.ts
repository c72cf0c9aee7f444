import type { Platform } from "./browser.ts";
import { type OfflineClient, offlineClient } from "./offline-client.ts";
import type { OfflineOptions } from "./options.ts";
import { OfflineSession } from "./session.ts";

/**
 * Connects all tabs of a user to a hub by one connection. A stored message is kept in the browser from `send` to its receipt: it is
 * sent after a reload too, once and in order.
 *
 * @example
 * const client = connectOffline<typeof api>("/ws", { user: "alice", token: fetchToken });
 * client.on("chat", ({ from, data }) => show(from, data.text));
 * client.outbox.subscribe(() => showWaiting(client.outbox.messages));
 *
 * @typeParam Declared as of `connect`
 * @throws TidingsError `bad_request` for a URL or an option that is not valid
 */
export function connectOffline<Declared extends object = Record<string, unknown>>(
  url: string | URL,
  options: OfflineOptions,
): OfflineClient<Declared> {
  return offlineClient(new OfflineSession(url, options, globalThis as Platform));
}

export type { Sharing } from "./bus.ts";
export type { OfflineClient, OfflineParts } from "./offline-client.ts";
export type { OfflineOptions, OutboxLimits, SharedWorkerLike } from "./options.ts";
export type { CloseOptions } from "./session.ts";
export type { Outbox, OutboxMessage, SentMessage } from "./tab/outbox.ts";
export { serveTabs } from "./worker.ts";
