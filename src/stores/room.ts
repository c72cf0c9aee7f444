import type { TidingsError } from "../client/client.ts";
import { watchRoom } from "../client/rooms.ts";
import { joinFor } from "./membership.ts";
import { SharedStore, shared } from "./shared-store.ts";
import type { Store } from "./snapshots.ts";
import { type AnyClient, untyped } from "./store-client.ts";

/** Users who have joined a group. */
export interface Room {
  /** Each with the data that the user carries in the group, in the order of their joins. */
  readonly members: ReadonlyMap<string, unknown>;
  /** Number of members, which a large group tells before their names. */
  readonly count: number;
  /** `idle`: without a client or a group. `failed`: the group cannot be watched, and `error` says why. */
  readonly state: "idle" | "loading" | "ready" | "failed";
  readonly error: TidingsError | undefined;
}

export interface RoomOptions {
  /** Join the group, and leave it with the last store that joined it. @default false // to watch a group needs no membership */
  readonly join?: boolean | undefined;
  /** Data of the user in the group, for the join: it counts while nobody watches yet. Later ones: {@link RoomStore.update}. */
  readonly data?: unknown;
}

export interface RoomStore extends Store<Room> {
  /** Joins the group with other data. Rejects with the server's error. */
  update(data: unknown): Promise<void>;
}

const LOADING: Room = { members: new Map(), count: 0, state: "loading", error: undefined };

/** Members without a client or a group. */
export const NO_ROOM: Room = { ...LOADING, state: "idle" };

/** Members of a group with their data, as they come and go. */
export function roomStore(
  client: AnyClient,
  group: string,
  { join = false, data }: RoomOptions = {},
): RoomStore {
  const room = shared(client, ["room", group, join], () => {
    const followed = untyped(client);
    let newest: unknown;
    let isFollowing = false;
    const store = new SharedStore<Room>({
      client: followed,
      initial: LOADING,
      start(run) {
        isFollowing = true;
        run.onEnd(() => {
          isFollowing = false;
          // The next user, or the next component, has its own.
          newest = undefined;
        });
        const failed = (error: TidingsError): void => run.change({ state: "failed", error });
        const changed = (members: ReadonlyMap<string, unknown>, _: unknown, count: number): void =>
          // The watch goes on with the same map.
          run.set({ members: new Map(members), count, state: "ready", error: undefined });
        const watch = (): void => {
          if (!run.signal.aborted) run.onEnd(watchRoom(followed, group, { changed, failed }));
        };
        // By default members may watch a group, and others not.
        if (join) joinFor(followed, run, group, newest).then(watch, failed);
        else watch();
      },
    });
    const update = async (next: unknown): Promise<void> => {
      newest = next;
      await client.join(group, { data: next });
    };
    /** Notes the data of whoever is going to watch. */
    const offer = (given: unknown): void => {
      if (!isFollowing && given !== undefined) newest = given;
    };
    return Object.assign(store, { update, offer });
  });
  room.offer(data);
  return room;
}
