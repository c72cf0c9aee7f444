import type { BlockedPage, BlockedUser } from "../../../port.ts";
import { type Connection, lua, script } from "../../connection/connection.ts";
import { BLOCKS_KEY, KEY, partitionOfUser } from "../../wire/keys.ts";
import { type Part, type Partitioned, type Rank, readPage } from "./pages.ts";

/**
 * Refuses a user's further connections until a time, or ends that. The key of the user is what counts, and goes with the block. The list of a
 * partition only finds it: each call removes a few users from a place in the list whose blocks are over, so that it stays about as long as
 * there are blocks.
 */
export const BLOCK = script(
  "block",
  lua`
-- KEYS[1]  base of the partition of the user
-- ARGV[1]  user
-- ARGV[2]  for how long, in milliseconds; 0 ends it
-- reply    1
local user, ms, blocks = ARGV[1], tonumber(ARGV[2]), base .. ":${BLOCKS_KEY}"
if ms == 0 then
  redis.call("DEL", key("${KEY.blocked}", user))
  redis.call("ZREM", blocks, user)
else
  redis.call("SET", key("${KEY.blocked}", user), string.format("%.0f", now() + ms), "PX", string.format("%.0f", ms))
  if not redis.call("ZSCORE", blocks, user) then redis.call("ZADD", blocks, next_serial(base), user) end
end
local count = redis.call("ZCOUNT", blocks, "-inf", "+inf")
local place = count == 0 and 0 or now() % count
for _, other in ipairs(redis.call("ZRANGE", blocks, place, place + 9)) do
  if redis.call("EXISTS", key("${KEY.blocked}", other)) == 0 then redis.call("ZREM", blocks, other) end
end
return 1
`,
  { stores: true },
);

const BLOCKED_MS = script(
  "blocked-ms",
  lua`
-- KEYS[1]  base of the partition of the user
-- ARGV[1]  user
-- reply    rest of the block in milliseconds; 0 without one
return math.max(0, tonumber(redis.call("GET", key("${KEY.blocked}", ARGV[1])) or 0) - now())
`,
);

const COUNT_BLOCKED = script(
  "count-blocked",
  lua`
-- KEYS[1]  base of a partition
-- ARGV[1]  number in the list: only users after it are counted
-- reply    count, with those whose blocks are over
return redis.call("ZCOUNT", base .. ":${BLOCKS_KEY}", "(" .. ARGV[1], "+inf")
`,
);

const LIST_BLOCKED = script(
  "list-blocked",
  lua`
-- KEYS[1]  base of a partition
-- ARGV[1]  number in the list to begin after
-- ARGV[2]  most users
-- reply    { number to go on after, 0 at the end; then three for each user: name, number, end of the block }
local found = redis.call("ZRANGEBYSCORE", base .. ":${BLOCKS_KEY}", "(" .. ARGV[1], "+inf", "WITHSCORES", "LIMIT", 0, ARGV[2])
local page = { #found < 2 * tonumber(ARGV[2]) and 0 or found[#found] }
for index = 1, #found, 2 do
  local ends = redis.call("GET", key("${KEY.blocked}", found[index]))
  if ends and tonumber(ends) > now() then
    table.insert(page, found[index])
    table.insert(page, found[index + 1])
    table.insert(page, ends)
  end
end
return page
`,
);

export const BLOCK_SCRIPTS = [BLOCK, BLOCKED_MS, COUNT_BLOCKED, LIST_BLOCKED];

/** Users who are blocked, in each partition by the order in which their blocks began. */
export class BlockedUsers implements Partitioned<BlockedUser> {
  readonly #connection: Pick<Connection, "run" | "read">;

  constructor(connection: Pick<Connection, "run" | "read">) {
    this.#connection = connection;
  }

  async set(user: string, ms: number): Promise<void> {
    await this.#connection.run(BLOCK, partitionOfUser(user), [user, ms]);
  }

  async restOf(user: string): Promise<number> {
    return (await this.#connection.read(BLOCKED_MS, partitionOfUser(user), [user])) as number; // by the script
  }

  /** Reads a page as {@link readPage} does. */
  page(limit: number, cursor?: string): Promise<BlockedPage> {
    return readPage(this, limit, cursor);
  }

  async count({ partition, order }: Rank): Promise<number> {
    return (await this.#connection.read(COUNT_BLOCKED, partition, [order])) as number; // by the script
  }

  async read({ partition, order }: Rank, limit: number): Promise<Part<BlockedUser>> {
    const reply = await this.#connection.read(LIST_BLOCKED, partition, [order, limit]);
    const [next = "0", ...fields] = reply as string[]; // by the script
    const users = Array.from({ length: fields.length / FIELDS_PER_USER }, (_, index) => {
      const [user = "", number, until] = fields.slice(index * FIELDS_PER_USER, (index + 1) * FIELDS_PER_USER);
      return { user: { user, until: Number(until) }, order: Number(number) };
    });
    return { users, next: Number(next) === 0 ? undefined : Number(next) };
  }
}

const FIELDS_PER_USER = 3;
