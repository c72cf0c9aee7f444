import type { Memberships } from "../../port.ts";
import { type Connection, lua, script } from "../connection/connection.ts";
import { KEY, partitionOfGroup, partitionOfUser } from "../wire/keys.ts";
import { readSet } from "./scan.ts";

const SET_MEMBERSHIP = script(
  "belong",
  lua`
-- Adds or removes a durable membership on one of its two sides.
-- KEYS[1]  base of the partition of the user or the group
-- ARGV[1]  kind of key: groups of a user, or users of a group
-- ARGV[2]  user or group
-- ARGV[3]  member to add or remove: group or user
-- ARGV[4]  "1" to add, "0" to remove
-- reply    nil
redis.call(ARGV[4] == "1" and "SADD" or "SREM", key(ARGV[1], ARGV[2]), ARGV[3])
`,
  { stores: true },
);

export const MEMBERSHIP_SCRIPTS = [SET_MEMBERSHIP] as const;

/** Durable memberships, stored on both sides: groups with the user, users with the group. */
export class RedisMemberships implements Memberships {
  readonly #connection: Pick<Connection, "run" | "read">;

  constructor(connection: Pick<Connection, "run" | "read">) {
    this.#connection = connection;
  }

  add(group: string, user: string): Promise<void> {
    return this.#set(group, user, 1);
  }

  remove(group: string, user: string): Promise<void> {
    return this.#set(group, user, 0);
  }

  async groupsOf(user: string): Promise<string[]> {
    return [...(await readSet(this.#connection.read, partitionOfUser(user), KEY.groupsOfUser, user))];
  }

  async membersOf(group: string): Promise<string[]> {
    return [...(await readSet(this.#connection.read, partitionOfGroup(group), KEY.usersOfGroup, group))];
  }

  /** Changes two partitions, so not atomically: after a failure the sides may differ until the call is repeated. */
  async #set(group: string, user: string, isMember: 0 | 1): Promise<void> {
    const { run } = this.#connection;
    await Promise.all([
      run(SET_MEMBERSHIP, partitionOfUser(user), [KEY.groupsOfUser, user, group, isMember]),
      run(SET_MEMBERSHIP, partitionOfGroup(group), [KEY.usersOfGroup, group, user, isMember]),
    ]);
  }
}
