import { EVERY_PARTITION, partitionOfGroup, partitionOfUser } from "./keys.ts";
import { FIELD } from "./line.ts";
import type { Link } from "./link.ts";
import type { Departures } from "./presence-departures.ts";
import type { Evictions } from "./presence-evictions.ts";
import type { Mirror } from "./presence-mirror.ts";
import { detailsOf } from "./presence-pack.ts";
import { ENROL, RECONCILE } from "./presence-scripts.ts";
import { readSet } from "./presence-sets.ts";
import { inTurn } from "./presence-turns.ts";
import type { TrafficCounts } from "./traffic.ts";

export interface AnnouncerParts {
  readonly mirror: Mirror;
  readonly departures: Departures;
  readonly evictions: Evictions;
  readonly graceMs: number;
  /** For who left while the data was lost: long enough for the other nodes to announce whom they have. */
  readonly longGraceMs: number;
  readonly traffic: TrafficCounts;
}

/** Connections, or members of groups, in one script: it takes about a millisecond. */
const PER_SCRIPT = 100;

type Arguments = (string | number)[];
type Member = readonly [group: string, user: string];

/** Brings Redis in line with what this node has: all of it on return, and what went wrong in between. */
export class Announcer {
  readonly #link: Link;
  readonly #parts: AnnouncerParts;
  /** Of these it is not known what Redis has. */
  readonly #users = new Set<string>();
  readonly #members = new Map<string, Member>();
  /** The incarnation that was announced last. */
  #token: string | undefined;

  constructor(link: Link, parts: AnnouncerParts) {
    this.#link = link;
    this.#parts = parts;
  }

  doubtUser(user: string): void {
    this.#users.add(user);
  }

  doubtMember(group: string, user: string): void {
    this.#members.set(nameOf([group, user]), [group, user]);
  }

  /** Compares everything. @param quiet nobody is told who is online: they were, and only Redis has lost it */
  async announce({ quiet }: { quiet: boolean }): Promise<void> {
    const { mirror, departures } = this.#parts;
    const former = this.#token ?? this.#link.token;
    this.#token = this.#link.token;
    const users = new Set([...mirror.users, ...this.#users, ...departures.pending]);
    const usersAt = Map.groupBy(users, partitionOfUser);
    const membersAt = Map.groupBy(membersOf(mirror), ([group]) => partitionOfGroup(group));
    await inTurn(EVERY_PARTITION, async (partition) => {
      await this.#hearEvictions(partition, former);
      const had = await readSet(this.#exec, partition, "n", this.#link.token);
      const present = usersAt.get(partition) ?? [];
      const stale = namesIn(had, "u").filter((user) => !users.has(user));
      await this.#reconcile(partition, [...present, ...stale], quiet);
      await this.#enrol(partition, this.#differing(had, membersAt.get(partition) ?? []));
    });
    await this.settle();
  }

  /** Clears up what is in doubt. */
  async settle(): Promise<void> {
    while (this.#users.size + this.#members.size > 0) {
      const usersAt = Map.groupBy(this.#users, partitionOfUser);
      const membersAt = Map.groupBy(this.#members.values(), ([group]) => partitionOfGroup(group));
      await inTurn([...usersAt], ([partition, users]) => this.#reconcile(partition, users, false));
      await inTurn([...membersAt], ([partition, members]) => this.#enrol(partition, members));
    }
  }

  readonly #exec: Link["exec"] = (script, partition, args) => this.#link.exec(script, partition, args);

  /** Connections that others have evicted while this node did not listen must not come back. */
  async #hearEvictions(partition: number, token: string): Promise<void> {
    for (const eviction of await readSet(this.#exec, partition, "e", token)) {
      const [user = "", connection = ""] = eviction.split(FIELD);
      this.#parts.evictions.end(user, connection);
    }
  }

  /** Members that only one of Redis and this node knows of. */
  #differing(had: ReadonlySet<string>, present: readonly Member[]): Member[] {
    const { mirror } = this.#parts;
    const missing = present.filter((member) => !had.has(`g${nameOf(member)}`));
    const known = namesIn(had, "g").map((name): Member => {
      const [group = "", user = ""] = name.split(FIELD);
      return [group, user];
    });
    return [...missing, ...known.filter(([group, user]) => !mirror.hasMember(group, user))];
  }

  async #reconcile(partition: number, users: readonly string[], quiet: boolean): Promise<void> {
    let chunk: string[] = [];
    let size = 0;
    for (const user of users) {
      chunk.push(user);
      size += 1 + this.#parts.mirror.of(user).length;
      if (size < PER_SCRIPT) continue;
      await this.#reconcileChunk(partition, chunk, quiet);
      chunk = [];
      size = 0;
    }
    if (chunk.length > 0) await this.#reconcileChunk(partition, chunk, quiet);
  }

  async #reconcileChunk(partition: number, users: readonly string[], quiet: boolean): Promise<void> {
    const { mirror, departures, traffic, graceMs, longGraceMs } = this.#parts;
    const { maxPerUser, onePerPlatform } = mirror.rules;
    const rules = [maxPerUser, onePerPlatform ? 1 : 0];
    const attendance = users.flatMap((user) => this.#attendance(user));
    // What changes from here on is in doubt again.
    for (const user of users) this.#users.delete(user);
    try {
      const mode = quiet ? "quiet" : "loud";
      const args = [this.#link.token, graceMs, mode, longGraceMs, ...rules, ...attendance];
      const answer = await this.#exec(RECONCILE, partition, args);
      const [changes, ...gone] = answer as [number, ...string[]]; // by the script
      traffic.sent("P", changes);
      for (const user of users) if (!gone.includes(user)) departures.stays(user);
      for (const user of gone) departures.began(user);
    } catch (error) {
      for (const user of users) this.#users.add(user);
      throw error;
    }
  }

  #attendance(user: string): Arguments {
    const { mirror, departures } = this.#parts;
    const present = mirror.of(user).filter(({ state }) => state !== "evicted");
    const connections = present.flatMap(({ connection, state, seq }) => [
      connection.id,
      seq,
      state === "arriving" ? "" : detailsOf(connection),
    ]);
    return [user, departures.pending.has(user) ? 1 : 0, present.length, ...connections];
  }

  async #enrol(partition: number, members: readonly Member[]): Promise<void> {
    const { mirror } = this.#parts;
    for (let start = 0; start < members.length; start += PER_SCRIPT) {
      const chunk = members.slice(start, start + PER_SCRIPT);
      const changes = chunk.flatMap(([group, user]) => [group, user, mirror.hasMember(group, user) ? 1 : 0]);
      for (const member of chunk) this.#members.delete(nameOf(member));
      try {
        await this.#exec(ENROL, partition, [this.#link.token, ...changes]);
      } catch (error) {
        for (const [group, user] of chunk) this.doubtMember(group, user);
        throw error;
      }
    }
  }
}

const nameOf = ([group, user]: Member): string => group + FIELD + user;

function* membersOf({ groups }: Mirror): Iterable<Member> {
  for (const [group, users] of groups) for (const user of users) yield [group, user];
}

/** The names of one kind among what an incarnation has. */
const namesIn = (had: ReadonlySet<string>, kind: "u" | "g"): string[] =>
  [...had].filter((member) => member.startsWith(kind)).map((member) => member.slice(1));
