import type { SocketState, Status, TidingsError } from "../client/client.ts";
import { SharedStore, shared } from "./shared-store.ts";
import type { Store } from "./snapshots.ts";
import { type AnyClient, type StoreClient, untyped } from "./store-client.ts";

/** State of a client. */
export interface ClientStatus {
  /** As `client.state`; `none` without a client. */
  readonly state: SocketState | "none";
  /** User of the last login; undefined before the first. */
  readonly user: string | undefined;
  /** Attempts to connect since the last connection. */
  readonly attempt: number;
  /** In the state `waiting`: the time of the next attempt, in milliseconds since 1970. */
  readonly retryAt: number | undefined;
  /** Why the session is over. Absent when the application closed the client. */
  readonly error: TidingsError | undefined;
}

/** Status without a client. */
export const NO_CLIENT: ClientStatus = {
  ...{ state: "none", user: undefined, attempt: 0 },
  ...{ retryAt: undefined, error: undefined },
};

/** The state of a client, for all who show it. */
export function statusStore(client: AnyClient): Store<ClientStatus> {
  const followed = untyped(client);
  return shared(client, ["status"], () => {
    const initial = { ...NO_CLIENT, state: client.state, user: client.user };
    return new SharedStore<ClientStatus>({
      client: followed,
      initial,
      start(run) {
        run.change({ state: client.state, user: client.user });
        run.onEnd(
          followed.onStatus((status) => {
            const fields = changeBy(status, followed);
            if (fields) run.change({ state: client.state, user: client.user, ...fields });
          }),
        );
      },
    });
  });
}

/** @returns undefined for a status that says nothing about the connection */
function changeBy(status: Status, { user }: StoreClient): Partial<ClientStatus> | undefined {
  switch (status.type) {
    case "connecting":
      return { state: "connecting", attempt: status.attempt, retryAt: undefined };
    case "open":
      return { state: "open", user, attempt: 0, retryAt: undefined, error: undefined };
    case "paused":
      return { state: "paused", retryAt: undefined };
    case "closed": {
      const { willRetry, delayMs = 0, error } = status;
      return willRetry
        ? { state: "waiting", retryAt: Date.now() + delayMs }
        : { state: "closed", retryAt: undefined, error };
    }
  }
  return undefined;
}
