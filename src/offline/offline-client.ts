import type { Client } from "../client/client.ts";
import type { Sharing } from "./bus.ts";
import type { CloseOptions, OfflineSession } from "./session.ts";
import type { Outbox } from "./tab/outbox.ts";

/** What `connectOffline` adds to a client. */
export interface OfflineParts<Declared extends object> {
  /** The stored messages without a receipt, of all tabs of the user. */
  readonly outbox: Outbox<Declared>;
  /** What holds the connection. Undefined until it is found, and another one when a tab takes over. */
  readonly sharing: Sharing | undefined;
  /** This tab holds the connection for the others. */
  readonly isLeader: boolean;
  /** Closes this tab's client. Others go on, unless the user logs out. */
  close(options?: CloseOptions): Promise<void>;
}

/** A client of one tab. All tabs of the user share one connection, one outbox, and the positions to recover from. */
export type OfflineClient<Declared extends object = Record<string, unknown>> = Client<Declared> &
  OfflineParts<Declared>;

/** The session as a client: the methods of the SDK, with those of the session before them. */
export function offlineClient<Declared extends object>(session: OfflineSession): OfflineClient<Declared> {
  const { client, outbox, send, join, leave, connect, close } = session;
  const parts = Object.assign(client, { outbox, send, join, leave, connect, close });
  Object.defineProperties(parts, {
    sharing: { get: () => session.sharing },
    isLeader: { get: () => session.isLeader },
  });
  // The application declares the types of messages.
  return parts as unknown as OfflineClient<Declared>;
}
