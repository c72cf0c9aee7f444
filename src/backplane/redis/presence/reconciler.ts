import { randomBytes } from "node:crypto";
import type { ConnectionInfo } from "../../port.ts";
import type { Bus, TrafficCounts } from "../bus/bus.ts";
import { forEachConcurrently, type RunScript } from "../connection/connection.ts";
import { EVERY_PARTITION, partitionOfGroup, partitionOfUser } from "../wire/keys.ts";
import { FIELD } from "../wire/lines.ts";
import type { Evictions } from "./evictions.ts";
import type { Mirror } from "./local.ts";
import type { Departures } from "./offline.ts";
import { detailsOf } from "./record.ts";
import { readSet } from "./scan.ts";
import { BIRTH, ENROL, RECONCILE, RESUME_GRACE } from "./scripts.ts";

export interface AnnouncerParts {
  readonly mirror: Mirror;
  readonly departures: Departures;
  readonly evictions: Evictions;
  readonly graceMs: () => number;
  /** For who left while the data was lost: long enough for the other nodes to announce whom they have. */
  readonly longGraceMs: () => number;
  readonly traffic: TrafficCounts;
}

/** Connections, or members of groups, in one script: it takes about a millisecond. */
const PER_SCRIPT = 100;

type Place = Pick<ConnectionInfo, "user" | "id">;
type Member = readonly [group: string, user: string];

/** Brings Redis in line with what this node has: all of it on return, and what went wrong in between. */
export class Announcer {
  readonly #exec: RunScript;
  readonly #bus: Bus;
  readonly #parts: AnnouncerParts;
  /** Of these connections and members it is not known what Redis has. */
  readonly #connections = new Map<string, Place>();
  readonly #members = new Map<string, Member>();
  /** What the data of each partition was called when this node was last announced there. */
  readonly #births = new Map<number, string>();
  /** The incarnation that was announced last. */
  #token: string | undefined;

  constructor(exec: RunScript, bus: Bus, parts: AnnouncerParts) {
    this.#exec = exec;
    this.#bus = bus;
    this.#parts = parts;
  }

  doubt({ user, id }: Place): void {
    this.#connections.set(id, { user, id });
  }

  doubtMember(group: string, user: string): void {
    this.#members.set(nameOf([group, user]), [group, user]);
  }

  /** Compares everything. Where Redis has lost its data nobody is told who is online: they were, as before. */
  async announce(): Promise<void> {
    const { mirror, departures } = this.#parts;
    const former = this.#token ?? this.#bus.token;
    this.#token = this.#bus.token;
    const connections = mirror.attendants.map(({ connection }) => connection);
    const connectionsAt = Map.groupBy(connections, ({ user }) => partitionOfUser(user));
    const membersAt = Map.groupBy(membersOf(mirror), ([group]) => partitionOfGroup(group));
    const leftAt = Map.groupBy(departures.pending, partitionOfUser);
    await forEachConcurrently(EVERY_PARTITION, async (partition) => {
      const birth = await this.#birthOf(partition);
      // On Redis Cluster one master may have lost its partitions, and the others not.
      const quiet = (this.#births.get(partition) ?? birth) !== birth;
      await this.#hearEvictions(partition, former);
      const had = await readSet(this.#exec, partition, "n", this.#bus.token);
      await this.#reconcile(partition, this.#differing(had, connectionsAt.get(partition) ?? []), quiet);
      await this.#enrol(partition, this.#differingMembers(had, membersAt.get(partition) ?? []));
      await this.#miss(partition, leftAt.get(partition) ?? [], quiet);
      // Not before: what fails half-way is to be as quiet the next time.
      this.#births.set(partition, birth);
    });
    await this.settle();
  }

  /** Clears up what is in doubt. */
  async settle(): Promise<void> {
    while (this.#connections.size + this.#members.size > 0) {
      const connectionsAt = Map.groupBy(this.#connections.values(), ({ user }) => partitionOfUser(user));
      const membersAt = Map.groupBy(this.#members.values(), ([group]) => partitionOfGroup(group));
      await forEachConcurrently([...connectionsAt], ([partition, places]) =>
        this.#reconcile(partition, places, false),
      );
      await forEachConcurrently([...membersAt], ([partition, members]) => this.#enrol(partition, members));
    }
  }

  async #birthOf(partition: number): Promise<string> {
    const name = randomBytes(9).toString("base64url");
    return (await this.#exec(BIRTH, partition, [name])) as string; // by the script
  }

  /** Connections that others have evicted while this node did not listen must not come back. */
  async #hearEvictions(partition: number, token: string): Promise<void> {
    for (const eviction of await readSet(this.#exec, partition, "e", token)) {
      const [user = "", connection = ""] = eviction.split(FIELD);
      this.#parts.evictions.end(user, connection);
    }
  }

  /** Connections that only one of Redis and this node knows of. Those that are missing come first: nobody is offline in between. */
  #differing(had: ReadonlySet<string>, present: readonly Place[]): Place[] {
    const { mirror } = this.#parts;
    const missing = present.filter(({ user, id }) => !had.has(`u${user}${FIELD}${id}`));
    const stale = pairsIn(had, "u")
      .map(([user, id]) => ({ user, id }))
      .filter(({ user, id }) => (mirror.find(user, id)?.state ?? "evicted") === "evicted");
    return [...missing, ...stale];
  }

  #differingMembers(had: ReadonlySet<string>, present: readonly Member[]): Member[] {
    const { mirror } = this.#parts;
    const missing = present.filter((member) => !had.has(`g${nameOf(member)}`));
    return [...missing, ...pairsIn(had, "g").filter(([group, user]) => !mirror.hasMember(group, user))];
  }

  #reconcile(partition: number, places: readonly Place[], quiet: boolean): Promise<void> {
    const { mirror, departures, traffic, graceMs } = this.#parts;
    const { maxPerUser, onePerPlatform } = mirror.rules;
    return inChunks(places, async (chunk) => {
      // What changes from here on is in doubt again.
      for (const { id } of chunk) this.#connections.delete(id);
      const entries = chunk.flatMap((place) => this.#entry(place));
      const mode = quiet ? "quiet" : "loud";
      const args = [this.#bus.token, graceMs(), mode, maxPerUser, onePerPlatform ? 1 : 0, ...entries];
      try {
        const answer = await this.#exec(RECONCILE, partition, args);
        const [changes, ...gone] = answer as [number, ...string[]]; // by the script
        traffic.sent("P", changes);
        for (const user of gone) departures.began(user);
      } catch (error) {
        for (const place of chunk) this.doubt(place);
        throw error;
      }
    });
  }

  /** What is to be so. Whose arrival is under way may be there or not: that is left to the answer. */
  #entry({ user, id }: Place): (string | number)[] {
    const attendant = this.#parts.mirror.find(user, id);
    if (attendant === undefined || attendant.state === "evicted") return [user, id, 0, ""];
    if (attendant.state === "arriving") return [];
    return [user, id, attendant.seq, detailsOf(attendant.connection)];
  }

  #enrol(partition: number, members: readonly Member[]): Promise<void> {
    const { mirror } = this.#parts;
    return inChunks(members, async (chunk) => {
      const changes = chunk.flatMap(([group, user]) => [group, user, mirror.hasMember(group, user) ? 1 : 0]);
      for (const member of chunk) this.#members.delete(nameOf(member));
      try {
        await this.#exec(ENROL, partition, [this.#bus.token, ...changes]);
      } catch (error) {
        for (const [group, user] of chunk) this.doubtMember(group, user);
        throw error;
      }
    });
  }

  /** Users who have left here: they may be elsewhere, or have been told offline already. */
  #miss(partition: number, users: readonly string[], quiet: boolean): Promise<void> {
    const { departures, longGraceMs } = this.#parts;
    return inChunks(users, async (chunk) => {
      const answer = await this.#exec(RESUME_GRACE, partition, [
        longGraceMs(),
        quiet ? "quiet" : "loud",
        ...chunk,
      ]);
      const missed = new Set(answer as string[]); // by the script
      for (const user of chunk) {
        if (missed.has(user)) departures.began(user);
        else departures.stays(user);
      }
    });
  }
}

const nameOf = ([group, user]: Member): string => group + FIELD + user;

function* membersOf({ groups }: Mirror): Iterable<Member> {
  for (const [group, users] of groups) for (const user of users) yield [group, user];
}

/** What is of one kind among what an incarnation has. */
const pairsIn = (had: ReadonlySet<string>, kind: "u" | "g"): (readonly [string, string])[] =>
  [...had]
    .filter((member) => member.startsWith(kind))
    .map((member) => {
      const [first = "", second = ""] = member.slice(1).split(FIELD);
      return [first, second];
    });

async function inChunks<Item>(
  items: readonly Item[],
  work: (chunk: readonly Item[]) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += PER_SCRIPT) {
    await work(items.slice(start, start + PER_SCRIPT));
  }
}
