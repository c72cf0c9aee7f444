import type { RoomChange, RoomMember, Rooms } from "../../backplane/backplane.ts";
import { Attachment, type Connection } from "../../local/local.ts";
import { SerialPerKey, TidingsError } from "../../protocol/protocol.ts";
import { isNews } from "../news.ts";
import { Room } from "./room.ts";

/** Groups that a connection watches. */
const MAX_WATCHED = 100;
/** Members of a group that can be watched: the node and each client keep the list. */
const MAX_MEMBERS = 10_000;
/** Groups that are compared at a time. */
const READS_AT_A_TIME = 32;
/** Members in one read. */
const PER_PAGE = 250;

/** Revision of a list that could not be read: no change names it. */
const UNKNOWN = -1;

/** Groups that a connection watches. */
class WatchedGroups extends Attachment {
  readonly names = new Set<string>();
}

/** A group that somebody on this node watches. */
interface Watched {
  readonly room: Room;
  /** Changes that arrive while the list is read; undefined at other times. */
  arriving: RoomChange[] | undefined;
  isRead: boolean;
  /** True after a read in which members may have been missing. */
  isDoubtful: boolean;
}

/**
 * The groups that connections of this node watch. It keeps their lists by the changes that the backplane passes on. Each change
 * names the one before it: where one is missing, the list is read again, and its watchers are told the differences.
 */
export class WatchedRooms {
  readonly #rooms: Rooms;
  readonly #report: (stage: string, error: unknown) => void;
  readonly #watched = new Map<string, Watched>();
  /** Reads, begins and ends of the watch of a group, one after the other. */
  readonly #serial = new SerialPerKey<string>();
  /** False after an outage or a loss of data, while other nodes may have members that the backplane does not know. */
  #isSettled = () => true;

  constructor(rooms: Rooms, report: (stage: string, error: unknown) => void) {
    this.#rooms = rooms;
    this.#report = report;
  }

  /**
   * Tells a connection the list of a group, and from here on its changes, in frames `room`.
   * @returns number of members
   * @throws TidingsError `too_large` beyond 100 groups, or 10,000 members
   */
  async watch(connection: Connection, group: string): Promise<number> {
    const known = connection.attachment(WatchedGroups)?.names;
    if (known !== undefined && known.size >= MAX_WATCHED && !known.has(group)) {
      throw new TidingsError("too_large", `a connection watches at most ${MAX_WATCHED} groups`);
    }
    return this.#serial.run(group, async () => {
      const { room } = await this.#begin(group);
      try {
        if (room.size > MAX_MEMBERS) throw tooLarge();
        if (connection.state !== "open") return room.size;
        connection.attached(WatchedGroups).names.add(group);
        room.add(connection);
        return room.size;
      } finally {
        await this.#endUnwatched(group);
      }
    });
  }

  /** Groups that a connection watches. */
  watchedBy(connection: Connection): string[] {
    return [...(connection.attachment(WatchedGroups)?.names ?? [])];
  }

  unwatch(connection: Connection, group: string): void {
    if (connection.attachment(WatchedGroups)?.names.delete(group) !== true) return;
    const room = this.#watched.get(group)?.room;
    room?.remove(connection);
    if (room?.isWatched === false) void this.#run(group, () => this.#endUnwatched(group));
  }

  /** Removes a connection that has ended. */
  drop(connection: Connection): void {
    for (const group of this.watchedBy(connection)) this.unwatch(connection, group);
  }

  /** A change of the backplane. */
  heard(change: RoomChange): void {
    const watched = this.#watched.get(change.group);
    if (watched === undefined) return;
    if (watched.arriving !== undefined) watched.arriving.push(change);
    else if (!this.#apply(watched.room, change)) {
      watched.arriving = [change];
      void this.#run(change.group, () => this.#read(watched));
    }
  }

  /**
   * Reads the lists of all groups again: changes may be missing.
   * @param isSettled asked after each reading. False: whoever is not in the list may still be there
   */
  async compare(isSettled: () => boolean): Promise<void> {
    this.#isSettled = isSettled;
    const rooms = [...this.#watched.values()];
    for (let start = 0; start < rooms.length; start += READS_AT_A_TIME) {
      const some = rooms.slice(start, start + READS_AT_A_TIME);
      await Promise.all(some.map((watched) => this.#run(watched.room.group, () => this.#compare(watched))));
    }
  }

  /** An equal revision says that no change is missing. */
  async #compare(watched: Watched): Promise<void> {
    const { room } = watched;
    if (this.#watched.get(room.group) !== watched || !watched.isRead) return;
    const { revision } = await this.#rooms.page(room.group, { of: "joined", after: 0, limit: 0 });
    if (watched.isDoubtful || revision !== room.revision) await this.#read(watched);
  }

  async #begin(group: string): Promise<Watched> {
    const watched = this.#watched.get(group) ?? {
      room: new Room(group),
      arriving: [],
      isRead: false,
      isDoubtful: false,
    };
    this.#watched.set(group, watched);
    if (watched.isRead) return watched;
    try {
      await this.#rooms.watch(group);
      await this.#read(watched);
    } catch (error) {
      this.#watched.delete(group);
      // The watch may have begun all the same.
      this.#rooms.unwatch(group).catch(() => undefined);
      throw error;
    }
    return watched;
  }

  async #endUnwatched(group: string): Promise<void> {
    const watched = this.#watched.get(group);
    if (watched === undefined || watched.room.isWatched) return;
    watched.room.stop();
    this.#watched.delete(group);
    await this.#rooms.unwatch(group).catch(() => undefined);
  }

  /** Applies a change. @returns false when one before it is missing */
  #apply(room: Room, change: RoomChange): boolean {
    if (change.revision <= room.revision) return true;
    if (change.before !== room.revision) return false;
    room.revision = change.revision;
    room.apply(change);
    return true;
  }

  /** Reads the list. Changes that arrive meanwhile are applied after it. */
  async #read(watched: Watched): Promise<void> {
    const { room } = watched;
    if (this.#watched.get(room.group) !== watched) return;
    watched.arriving ??= [];
    try {
      const found = await this.#list(room.group);
      if (found.revision < room.revision) room.rewind();
      for (const member of found.members) room.found(member);
      const isSettled = this.#isSettled();
      watched.isDoubtful = !isSettled;
      if (isSettled) room.retain(new Set(found.members.map(({ user }) => user)), found.revision);
      room.revision = found.revision;
      watched.isRead = true;
    } catch (error) {
      // The next change finds a gap, and the end of an outage requests a comparison.
      room.revision = UNKNOWN;
      watched.arriving = undefined;
      throw error;
    }
    const arrived = watched.arriving;
    watched.arriving = undefined;
    for (const change of arrived) this.heard(change);
  }

  /** @returns the revision from which on changes are newer than the list may be */
  async #list(group: string): Promise<{ revision: number; members: readonly RoomMember[] }> {
    const all: RoomMember[] = [];
    let revision: number | undefined;
    for (let after = 0; ; ) {
      const page = await this.#rooms.page(group, { of: "joined", after, limit: PER_PAGE });
      revision ??= page.revision;
      all.push(...page.members);
      if (page.members.length < PER_PAGE || all.length > 2 * MAX_MEMBERS) return { revision, members: all };
      after = page.members.at(-1)?.place ?? after;
    }
  }

  /** During an outage nothing can be read. Its end requests another comparison. */
  async #run(group: string, work: () => Promise<void>): Promise<void> {
    try {
      await this.#serial.run(group, work);
    } catch (error) {
      if (isNews(error)) this.#report("room", error);
    }
  }
}

const tooLarge = (): TidingsError => {
  const most = MAX_MEMBERS.toLocaleString("en");
  return new TidingsError(
    "too_large",
    `a group with more than ${most} members cannot be watched: read its count`,
  );
};
