import type { LocalNode } from "../../../local-node.ts";
import type { JoinData, RoomChange, RoomMember, RoomPage, RoomQuery, Rooms } from "../../../port.ts";
import type { Bus, TrafficCounts } from "../../bus/bus.ts";
import type { Connection } from "../../connection/connection.ts";
import { KEY, partitionOfGroup } from "../../wire/keys.ts";
import { FIELD, LINE } from "../../wire/lines.ts";
import type { LocalPresence } from "../local.ts";
import { Watches } from "../watching/watches.ts";
import { DEFAULT, WRITE } from "./lua.ts";
import { ROOM_PAGE, SET_DATA, WATCH_ROOMS } from "./scripts.ts";

export interface RedisRoomsParts {
  readonly connection: Pick<Connection, "run" | "read" | "exec">;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly traffic: TrafficCounts;
  readonly local: LocalPresence;
}

/** Members of groups as lists. Their scripts send each change to the nodes that watch the group. */
export class RedisRooms implements Rooms {
  readonly #parts: RedisRoomsParts;
  /** Groups whose changes this node hears. */
  readonly watches: Watches<string>;

  constructor(parts: RedisRoomsParts) {
    this.#parts = parts;
    this.watches = new Watches({ ...parts, script: WATCH_ROOMS, partitionOf: partitionOfGroup });
    parts.bus.on(LINE.room, (fields) => this.#heard(changeIn(fields)));
  }

  page(group: string, query: RoomQuery): Promise<RoomPage> {
    return readPage(this.#parts.connection, group, query);
  }

  async setData(group: string, user: string, json: string): Promise<boolean> {
    const { connection, traffic } = this.#parts;
    const lines = Number(await connection.run(SET_DATA, partitionOfGroup(group), [group, user, json]));
    if (lines > 0) traffic.sent(LINE.room, lines);
    return lines !== -1;
  }

  watch(group: string): Promise<void> {
    return this.watches.begin(group);
  }

  unwatch(group: string): Promise<void> {
    return this.watches.end(group);
  }

  #heard(change: RoomChange): void {
    const { local, node } = this.#parts;
    const { group, user, data } = change;
    if (change.change === "update" && local.hasMember(group, user)) local.setData(group, user, data);
    if (this.watches.has(group)) node.sink.room(change);
  }
}

/** Reads a page of the members of a group. */
export async function readPage(
  { read }: Pick<Connection, "read">,
  group: string,
  { of, after, limit }: RoomQuery,
): Promise<RoomPage> {
  const kind = of === "joined" ? KEY.roster : KEY.usersOfGroup;
  const reply = await read(ROOM_PAGE, partitionOfGroup(group), [group, kind, after, limit]);
  const [revision, joined, durable, ...rest] = reply as [string, number, number, ...(string | number)[]]; // by the script
  return { revision: Number(revision), joined, durable, members: membersIn(rest) };
}

/** A group that became occupied, or vacated. */
export type Occupancy = readonly [group: string, isOccupied: boolean];

/** Reads what scripts reply about groups that became occupied or vacated. */
export function occupancyIn(fields: readonly (string | number)[]): Occupancy[] {
  const changes: Occupancy[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    changes.push([String(fields[index]), fields[index + 1] === 1]);
  }
  return changes;
}

/** Argument of ENROL for the data of a join. */
export const givenData = (data: JoinData | undefined): string =>
  data === undefined ? "" : (data.isDefault ? DEFAULT : WRITE) + data.json;

function membersIn(fields: readonly (string | number)[]): RoomMember[] {
  const members: RoomMember[] = [];
  for (let index = 0; index < fields.length; index += 5) {
    const [user = "", place, joinedAt, durable, record] = fields.slice(index, index + 5).map(String);
    const isJoined = joinedAt !== "";
    const [revision, data] = record === "" || record === undefined ? [joinedAt] : record.split(FIELD);
    members.push({
      user,
      place: Number(place),
      joinedAt: isJoined ? Number(joinedAt) : undefined,
      durable: durable === "1",
      revision: isJoined ? Number(revision) : 0,
      data: isJoined ? data : undefined,
    });
  }
  return members;
}

function changeIn([, group = "", before, revision, user = "", change, data = ""]: string[]): RoomChange {
  return {
    group,
    before: Number(before),
    revision: Number(revision),
    user,
    change: change as RoomChange["change"], // by the script
    data: data === "" ? undefined : data,
  };
}
