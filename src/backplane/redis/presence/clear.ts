import { type Connection, forEachConcurrently, lua, luaEscapes, script } from "../connection/connection.ts";
import { EVERY_PARTITION, KEY } from "../wire/keys.ts";
import { FIELD } from "../wire/lines.ts";
import { CONNECTIONS, FIELD_PATTERN, OWNED } from "./lua.ts";
import { GROUPS } from "./rooms/lua.ts";
import { type Occupancy, occupancyIn } from "./rooms/redis-rooms.ts";
import { LISTENERS } from "./watching/listening.ts";

/** How long a dead incarnation stays fenced: longer than any process is paused and continued. */
const FENCE_SECONDS = 86_400;
/** How long an incarnation that leaves by itself stays fenced: longer than its last calls can take. */
const LEAVING_FENCE_SECONDS = 60;
/** Connections or members of groups removed in one script. A script takes about a millisecond. */
const CLEARED_PER_SCRIPT = 100;

/** Removes a part of what an incarnation owns in a partition. The fence comes first, so that nothing is added meanwhile. */
export const CLEAR = script(
  "clear",
  lua`
-- KEYS[1]  base of a partition
-- ARGV[1]  token
-- ARGV[2]  seconds for which the incarnation stays fenced
-- ARGV[3]  grace period in milliseconds
-- ARGV[4]  most entries
-- reply    { entries left, room lines sent, number of users whose grace period has begun, these users,
--          then two for each group that became vacated: group, 0 }
${CONNECTIONS}${GROUPS}${LISTENERS}
local token, grace_ms = ARGV[1], tonumber(ARGV[3])
redis.call("SET", key("${KEY.fence}", token), 1, "EX", ARGV[2])
local owned, left = key("${KEY.owned}", token), {}
for _, entry in ipairs(redis.call("SPOP", owned, ARGV[4])) do
  local kind, first, second = string.match(entry, "^(.)(${FIELD_PATTERN})${luaEscapes(FIELD)}?(.*)$")
  if kind == "${OWNED.connection}" then
    if remove(first, second, grace_ms, token) then table.insert(left, first) end
  elseif kind == "${OWNED.member}" then
    leave_group(token, first, second)
  elseif kind == "${OWNED.watch}" then
    unwatch_room(token, first)
  elseif kind == "${OWNED.listener}" then
    end_listening(token, first)
  else
    redis.call("HDEL", key("${KEY.nodes}", "all"), token)
    invalidate("all")
  end
end
local rest = redis.call("SCARD", owned)
-- An older state of Redis may count more than it lists.
if rest == 0 then redis.call("HDEL", CONNECTION_COUNTS, token) end
local reply = { rest, tell_rooms(), #left }
for _, user in ipairs(left) do table.insert(reply, user) end
for _, part in ipairs(occupancy) do table.insert(reply, part) end
return reply
`,
);

/**
 * Removes everything that an incarnation owns, and fences the incarnation. Any number of nodes may do it at once, and one may go
 * on where another stopped.
 * @param isOwn true when the incarnation leaves by itself: then it sends nothing more
 * @param on called with each user whose last connection was removed, with vacated groups, and with the number of lines sent
 */
export async function clearIncarnation(
  connection: Connection,
  { token, isOwn, graceMs }: { token: string; isOwn: boolean; graceMs: number },
  on: { graceBegan(user: string): void; occupancy(changes: Occupancy[]): void; sent(lines: number): void },
): Promise<void> {
  const args = [token, isOwn ? LEAVING_FENCE_SECONDS : FENCE_SECONDS, graceMs, CLEARED_PER_SCRIPT];
  await forEachConcurrently(EVERY_PARTITION, async (partition) => {
    let remaining: number;
    do {
      const reply = await connection.exec(CLEAR, partition, args);
      const [rest, lines, count, ...named] = reply as [number, number, number, ...(string | number)[]]; // by the script
      for (const user of named.slice(0, count)) on.graceBegan(String(user));
      on.occupancy(occupancyIn(named.slice(count)));
      on.sent(lines);
      remaining = rest;
    } while (remaining > 0);
  });
}
