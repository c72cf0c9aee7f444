import type { Memberships } from "../../port.ts";
import { type Connection, lua, script } from "../connection/connection.ts";
import { KEY, partitionOfGroup, partitionOfUser } from "../wire/keys.ts";
import { readPage } from "./rooms/redis-rooms.ts";
import { readSet } from "./scan.ts";

/** Members in one read. A script takes about a millisecond. */
const MEMBERS_PER_PAGE = 250;

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
local kind, name, member = ARGV[1], key(ARGV[1], ARGV[2]), ARGV[3]
if kind == "${KEY.groupsOfUser}" then
  redis.call(ARGV[4] == "1" and "SADD" or "SREM", name, member)
elseif ARGV[4] == "1" then
  redis.call("ZADD", name, "NX", next_serial(base), member)
else
  redis.call("ZREM", name, member)
end
`,
  { stores: true },
);

/** Tells whether a user is a member of a group. */
export const HAS_MEMBER = script(
  "has-member",
  lua`
-- KEYS[1]  base of the partition of the group
-- ARGV[1]  group
-- ARGV[2]  user
-- ARGV[3]  "1" for a durable membership, "0" for one that a connection has joined, on any node
-- reply    1 or 0
local group, user = ARGV[1], ARGV[2]
if ARGV[3] == "1" then return redis.call("ZSCORE", key("${KEY.usersOfGroup}", group), user) and 1 or 0 end
local joined = key("${KEY.joined}", group)
for _, token in ipairs(nodes_of(base, "group:" .. group)) do
  if redis.call("SISMEMBER", joined, token .. FIELD .. user) == 1 then return 1 end
end
return 0
`,
);

export const MEMBERSHIP_SCRIPTS = [SET_MEMBERSHIP, HAS_MEMBER] as const;

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

  async has(group: string, user: string): Promise<boolean> {
    return (await this.#connection.run(HAS_MEMBER, partitionOfGroup(group), [group, user, 1])) === 1;
  }

  async groupsOf(user: string): Promise<string[]> {
    return [...(await readSet(this.#connection.read, partitionOfUser(user), KEY.groupsOfUser, user))];
  }

  async membersOf(group: string): Promise<string[]> {
    const users: string[] = [];
    for (let after = 0, isEnd = false; !isEnd; ) {
      const query = { of: "durable", after, limit: MEMBERS_PER_PAGE } as const;
      const { members } = await readPage(this.#connection, group, query);
      users.push(...members.map(({ user }) => user));
      after = members.at(-1)?.place ?? after;
      isEnd = members.length < MEMBERS_PER_PAGE;
    }
    return users;
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
