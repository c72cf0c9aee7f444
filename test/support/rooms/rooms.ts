import type { Peer } from "../peer.ts";

interface RoomFrame {
  readonly event: "room";
  readonly group: string;
  readonly count: number;
  readonly reset?: true;
  readonly changes: readonly { readonly change: string; readonly user: string; readonly data?: unknown }[];
}

/** The list of a group as a client keeps it from its `room` frames alone. It notes what an exact server never sends. */
export class RoomList {
  readonly users = new Map<string, unknown>();
  /** Changes after the list, as `join bob`. */
  readonly changes: string[] = [];
  /** Joins of members, and updates and leaves of others. */
  readonly faults: string[] = [];
  frames = 0;
  characters = 0;
  count = 0;
  /** Of each frame: number of members, and of changes. */
  readonly log: string[] = [];
  readonly #group: string;
  readonly #peer: Pick<Peer, "frames">;
  #read = 0;

  constructor(peer: Pick<Peer, "frames">, group: string) {
    this.#peer = peer;
    this.#group = group;
  }

  /** The members, sorted, after all frames that have arrived. */
  get names(): string[] {
    this.#fold();
    return [...this.users.keys()].sort();
  }

  #fold(): void {
    for (; this.#read < this.#peer.frames.length; this.#read++) {
      const frame = this.#peer.frames[this.#read] as unknown as RoomFrame; // checked by its event
      if (frame.event === "room" && frame.group === this.#group) this.#apply(frame);
    }
  }

  #apply({ count, reset, changes }: RoomFrame): void {
    this.frames++;
    this.log.push(`${Math.round(performance.now())}: ${count} members, ${changes.length} changes`);
    this.count = count;
    if (reset) this.users.clear();
    for (const { change, user, data } of changes) {
      const isMember = this.users.has(user);
      if (isMember !== (change !== "join")) this.faults.push(`${change} ${user}`);
      if (!reset) this.changes.push(`${change} ${user}`);
      if (change === "leave") this.users.delete(user);
      else this.users.set(user, data);
    }
    this.characters += JSON.stringify(changes).length;
  }
}

/** The list of a group that a peer watches. */
export async function watchedBy(peer: Peer, group: string): Promise<RoomList> {
  const { error } = await peer.request("group.watch", { group });
  if (error !== undefined) throw new Error(JSON.stringify(error));
  return new RoomList(peer, group);
}
