import type { RoomChange, RoomMember } from "../../backplane/backplane.ts";
import { type Connection, Packet } from "../../local/local.ts";

/** Members up to which each change is told at once. In larger groups changes are collected for a second. */
export const SMALL_ROOM = 500;
/** Time over which the changes of a large group are collected, in milliseconds. */
const COLLECTED_MS = 1_000;
/** Characters of changes in a frame. */
const FRAME_LENGTH = 64 * 1_024;

/** A member, as of a revision. Never changed, so that a reference remembers what was told. */
interface Member {
  readonly revision: number;
  readonly data: string | undefined;
}

/** A connection that watches the group. */
interface Watcher {
  /**
   * Users whose changes wait until the connection has sent its queue, and whether it knows each as a member. Undefined while it is
   * told as all others.
   */
  behind: Map<string, boolean> | undefined;
  /** The next frame begins the list anew. */
  isNew: boolean;
}

/**
 * The joined users of a group, as this node knows them, and the connections that watch them. Each change names its user's
 * revision, so what a page of the list says and what a line says may come in any order.
 */
export class Room {
  readonly group: string;
  readonly #members = new Map<string, Member>();
  /** Users with changes that nobody was told of, and what was told of each before. */
  readonly #untold = new Map<string, Member | undefined>();
  readonly #watchers = new Map<Connection, Watcher>();
  #timer: NodeJS.Timeout | undefined;
  #isQueued = false;
  /** Revision of the last change. */
  revision = 0;

  constructor(group: string) {
    this.group = group;
  }

  get size(): number {
    return this.#members.size;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Applies a change, unless the room has a newer one of the user. */
  apply({ user, change, revision, data }: RoomChange): void {
    const known = this.#members.get(user);
    if (known !== undefined && known.revision >= revision) return;
    if (change === "leave") this.#set(user, undefined);
    else if (change === "join" || known !== undefined) this.#set(user, { revision, data });
  }

  /** Applies what a page of the list says of a member. */
  found({ user, revision, data }: RoomMember): void {
    const known = this.#members.get(user);
    if (known === undefined || known.revision < revision) this.#set(user, { revision, data });
  }

  /** Removes members who were not found in a list that was read from a revision on. */
  retain(found: ReadonlySet<string>, from: number): void {
    for (const [user, { revision }] of this.#members) {
      if (!found.has(user) && revision <= from) this.#set(user, undefined);
    }
  }

  /** Forgets the revisions of all members: Redis has an older state than this node. */
  rewind(): void {
    for (const [user, member] of this.#members) this.#members.set(user, { ...member, revision: 0 });
  }

  /** Tells a connection the whole list, as fast as it reads, and from here on the changes. */
  add(connection: Connection): void {
    const behind = new Map<string, boolean>();
    for (const user of this.#members.keys()) if (this.#told(user) !== undefined) behind.set(user, false);
    for (const [user, told] of this.#untold) if (told !== undefined) behind.set(user, false);
    const watcher: Watcher = { behind, isNew: true };
    this.#watchers.set(connection, watcher);
    void this.#catchUp(connection, watcher);
  }

  remove(connection: Connection): void {
    this.#watchers.delete(connection);
    if (!this.isWatched) this.#untold.clear();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #set(user: string, member: Member | undefined): void {
    const known = this.#members.get(user);
    if (known === undefined && member === undefined) return;
    // Nobody was told anything: the first watcher gets the list as it is then.
    if (this.isWatched && !this.#untold.has(user)) this.#untold.set(user, known);
    if (member === undefined) this.#members.delete(user);
    else this.#members.set(user, member);
    if (this.isWatched) this.#schedule();
  }

  /** State of a user as watchers were told it. */
  #told(user: string): Member | undefined {
    return this.#untold.has(user) ? this.#untold.get(user) : this.#members.get(user);
  }

  /** One frame for all changes of a payload; in a large group one for those of a second. */
  #schedule(): void {
    if (this.#members.size > SMALL_ROOM) {
      this.#timer ??= setTimeout(() => this.#tell(), COLLECTED_MS).unref();
    } else if (!this.#isQueued && this.#timer === undefined) {
      this.#isQueued = true;
      queueMicrotask(() => this.#tell());
    }
  }

  #tell(): void {
    this.#isQueued = false;
    // A group that grew large since then has both: two timers would tell twice as often.
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const changes = new Changes();
    for (const [user, told] of this.#untold) {
      const now = this.#members.get(user);
      this.#untold.delete(user);
      if (told?.revision !== now?.revision && !(told === undefined && now === undefined)) {
        if (told?.data !== now?.data || told === undefined || now === undefined) {
          changes.add(user, told !== undefined, now);
          for (const watcher of this.#watchers.values()) noteBehind(watcher, user, told !== undefined);
        }
      }
      if (changes.isFull) break;
    }
    if (changes.count > 0) this.#send(changes);
    if (this.#untold.size > 0) this.#schedule();
  }

  #send(changes: Changes): void {
    const packet = new Packet(() => this.#frame(changes));
    for (const [connection, watcher] of this.#watchers) {
      if (watcher.behind !== undefined) continue;
      if (!connection.isFull) connection.sendPacket(packet);
      else {
        watcher.behind = new Map(changes.known);
        void this.#catchUp(connection, watcher);
      }
    }
  }

  /** Tells a connection what it is behind with, a frame at a time, while its queue has room. */
  async #catchUp(connection: Connection, watcher: Watcher): Promise<void> {
    const isWanted = (): boolean => connection.state === "open" && this.#watchers.get(connection) === watcher;
    while (watcher.behind !== undefined && isWanted()) {
      if (connection.isFull) await connection.whenDrained();
      if (!isWanted()) return;
      const changes = new Changes();
      for (const [user, wasMember] of watcher.behind) {
        watcher.behind.delete(user);
        const told = this.#told(user);
        if (wasMember || told !== undefined) changes.add(user, wasMember, told);
        if (changes.isFull) break;
      }
      if (watcher.behind.size === 0) watcher.behind = undefined;
      if (changes.count > 0 || watcher.isNew) connection.send(this.#frame(changes, watcher.isNew));
      watcher.isNew = false;
    }
  }

  #frame(changes: Changes, isNew = false): string {
    const reset = isNew ? ',"reset":true' : "";
    const group = JSON.stringify(this.group);
    return `{"event":"room","group":${group},"count":${this.#members.size}${reset},"changes":[${changes.text}]}`;
  }
}

function noteBehind({ behind }: Watcher, user: string, wasMember: boolean): void {
  if (behind !== undefined && !behind.has(user)) behind.set(user, wasMember);
}

/** Changes of one frame. */
class Changes {
  /** Users of the changes, and whether each was a member before. */
  readonly known: [string, boolean][] = [];
  text = "";

  get count(): number {
    return this.known.length;
  }

  get isFull(): boolean {
    return this.text.length >= FRAME_LENGTH;
  }

  add(user: string, wasMember: boolean, now: Member | undefined): void {
    this.known.push([user, wasMember]);
    if (this.text !== "") this.text += ",";
    const change = now === undefined ? "leave" : wasMember ? "update" : "join";
    this.text += `{"change":"${change}","user":${JSON.stringify(user)}`;
    this.text += now?.data === undefined ? "}" : `,"data":${now.data}}`;
  }
}
