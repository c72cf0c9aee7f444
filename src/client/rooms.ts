import type { RoomMemberChange, TidingsError } from "../protocol/protocol.ts";
import type { Client, Unsubscribe } from "./client.ts";

/** Part of a client that a watch needs. */
export type RoomClient = Pick<Client, "onStatus" | "request">;

export interface RoomListeners {
  /**
   * Called with the list of the members, what each carries, and what has changed. The first call has the list as it is; so has the
   * first one after a reconnect.
   */
  changed(members: ReadonlyMap<string, unknown>, changes: readonly RoomMemberChange[], count: number): void;
  /** Called when the server refuses the watch. @default nothing */
  failed?(error: TidingsError): void;
}

/** Pause before a watch that failed for a while is repeated, in milliseconds. */
const RETRY_MS = 1_000;

/** Watches of each client, by group: the server counts one for each connection. */
const watches = new WeakMap<RoomClient, Map<string, number>>();

/**
 * Watches the members of a group, on the present connection of a client and on all later ones.
 * @returns the function that ends it
 */
export function watchRoom(
  client: RoomClient,
  group: string,
  { changed, failed }: RoomListeners,
): Unsubscribe {
  const members = new Map<string, unknown>();
  let isActive = true;
  let asked = 0;
  const watch = (): void => {
    const ask = ++asked;
    client.request("group.watch", { group }, { idempotent: true }).catch((error: TidingsError) => {
      if (!isActive || ask !== asked) return;
      if (error.retryable)
        setTimeout(() => isActive && ask === asked && watch(), error.retryAfterMs ?? RETRY_MS);
      else failed?.(error);
    });
  };
  const remove = client.onStatus((status) => {
    if (status.type === "open") watch();
    if (status.type !== "room" || status.group !== group) return;
    const { reset, changes, count } = status;
    if (reset) members.clear();
    for (const { change, user, data } of changes) {
      if (change === "leave") members.delete(user);
      else members.set(user, data);
    }
    changed(members, changes, count);
  });
  count(client, group, 1);
  watch();
  return () => {
    if (!isActive) return;
    isActive = false;
    remove();
    if (count(client, group, -1) === 0) client.request("group.unwatch", { group }).catch(() => {});
  };
}

/** @returns how many watches of the group the client has now */
function count(client: RoomClient, group: string, step: 1 | -1): number {
  const groups = watches.get(client) ?? new Map<string, number>();
  watches.set(client, groups);
  const now = (groups.get(group) ?? 0) + step;
  groups.set(group, now);
  return now;
}
