import { FENCED, lua, script } from "../../connection/connection.ts";
import { KEY, SUSPECTS_KEY, VISITED_KEY } from "../../wire/keys.ts";
import { CONNECTIONS, LOSSES, OWNED } from "../lua.ts";

/** Connections of one user that are compared by their ids; more are compared by their number. */
export const MAX_LISTED = 500;

/** Pieces of the scripts that compare. */
const COUNTS = lua`
-- Members of a channel on all nodes, as the counts of the nodes say.
local function sum_of(nodes)
  local sum = 0
  for _, count in ipairs(redis.call("HVALS", nodes)) do sum = sum + tonumber(count) end
  return sum
end

-- Whether the count of this node, and the sum of all counts, are right.
local function is_counted(channel, token, count, total)
  local nodes = key("${KEY.nodes}", channel)
  return tonumber(redis.call("HGET", nodes, token) or 0) == count and sum_of(nodes) == total
end
`;

/** Compares connections of a node with those that Redis has. It changes nothing, and replies only differences. */
export const COMPARE_USERS = script(
  "compare-users",
  lua`
-- KEYS[1]  base of the partition of the users
-- ARGV[1]  token
-- ARGV[2…] of each user: user, number of the node's connections, how many ids follow, these ids
-- reply    users for which Redis has something else
${CONNECTIONS}${COUNTS}
local token, differing, index = ARGV[1], {}, 2
local owned = key("${KEY.owned}", token)
local function is_known(user, id)
  local record = redis.call("HGET", key("${KEY.connections}", user), id)
  if not record or token_of(record) ~= token then return false end
  return redis.call("SISMEMBER", owned, "${OWNED.connection}" .. user .. FIELD .. id) == 1
end
while index < #ARGV do
  local user, count, listed = ARGV[index], tonumber(ARGV[index + 1]), tonumber(ARGV[index + 2])
  local is_same = redis.call("ZSCORE", ONLINE, user)
    and is_counted("user:" .. user, token, count, redis.call("HLEN", key("${KEY.connections}", user)))
  for at = index + 3, index + 2 + listed do is_same = is_same and is_known(user, ARGV[at]) end
  if not is_same then table.insert(differing, user) end
  index = index + 3 + listed
end
return differing
`,
);

/** Compares joined members on a node with those that Redis has, as {@link COMPARE_USERS} does. */
export const COMPARE_GROUPS = script(
  "compare-groups",
  lua`
-- KEYS[1]  base of the partition of the groups
-- ARGV[1]  token
-- ARGV[2…] of each group: group, number of the node's members, how many of them follow, these members, each behind
--          1 if the user carries data, else 0
-- reply    { number of groups for which Redis has something else, these groups,
--          then of each incarnation that counts members of a group: token, group }
${CONNECTIONS}${COUNTS}
local token, differing, tokens, index = ARGV[1], { 0 }, {}, 2
local owned = key("${KEY.owned}", token)
while index < #ARGV do
  local group, count, listed = ARGV[index], tonumber(ARGV[index + 1]), tonumber(ARGV[index + 2])
  local joined = key("${KEY.joined}", group)
  local is_same = is_counted("group:" .. group, token, count, redis.call("SCARD", joined))
  for at = index + 3, index + 2 + listed do
    local has_data, user = string.sub(ARGV[at], 1, 1) == "1", string.sub(ARGV[at], 2)
    is_same = is_same and redis.call("SISMEMBER", joined, token .. FIELD .. user) == 1
      and redis.call("SISMEMBER", owned, "${OWNED.member}" .. group .. FIELD .. user) == 1
      and redis.call("ZSCORE", key("${KEY.roster}", group), user)
      and (not has_data or redis.call("HGET", key("${KEY.memberData}", group), user))
  end
  if not is_same then table.insert(differing, group) end
  for _, other in ipairs(redis.call("HKEYS", key("${KEY.nodes}", "group:" .. group))) do
    if other ~= token then
      table.insert(tokens, other)
      table.insert(tokens, group)
    end
  end
  index = index + 3 + listed
end
differing[1] = #differing - 1
for _, other in ipairs(tokens) do table.insert(differing, other) end
return differing
`,
);

/** Pieces of the scripts that mend. They set what is right, so it does not matter which part of it Redis has lost. */
const MENDING = lua`
local changes = 0

-- Counts a change, where a command replies how many entries it has changed.
local function note(changed)
  changes = changes + changed
  return changed > 0
end

-- Whether any node has connections of a user. The record of connections may be lost, and the counts of nodes not.
local function has_connections(user)
  return redis.call("EXISTS", key("${KEY.connections}", user), key("${KEY.nodes}", "user:" .. user)) > 0
end

-- Sets the count of a node's members of a channel.
local function set_members(channel, token, count)
  local nodes = key("${KEY.nodes}", channel)
  local before = tonumber(redis.call("HGET", nodes, token) or 0)
  if before == count then return end
  if count == 0 then redis.call("HDEL", nodes, token) else redis.call("HSET", nodes, token, count) end
  note(1)
  if before == 0 or count == 0 then invalidate(channel) end
end
`;

/** Makes Redis agree with a node about all of its connections of some users. */
export const MEND_USERS = script(
  "mend-users",
  lua`
-- KEYS[1]  base of the partition of the users
-- ARGV[1]  token
-- ARGV[2]  grace period in milliseconds
-- ARGV[3]  birth of the partition in which users may be announced. In another one Redis has lost its data: the users
--          were online before
-- ARGV[4…] of each user: user, number of connections, number of ids that are gone;
--          of each connection: id, seq, details; then the ids that are gone
-- reply    { changes, presence lines sent, number of users whose grace period has begun, these users,
--          then kicks of connections that other nodes evicted }
${CONNECTIONS}${MENDING}${LOSSES}
local token, grace_ms, is_quiet, index = ARGV[1], tonumber(ARGV[2]), is_lost(ARGV[3]), 4
if is_fenced(token) then return redis.error_reply("${FENCED}") end
local owned, evictions = key("${KEY.owned}", token), key("${KEY.evictions}", token)
local lines, left, kicks, highest = {}, {}, {}, 0

local function keep(user, id, seq, details)
  local connections = key("${KEY.connections}", user)
  local record = redis.call("HGET", connections, id)
  local former = record and token_of(record)
  if former ~= token then
    redis.call("HSET", connections, id, table.concat({ token, seq, details }, FIELD))
    note(1)
    if former then disown(former, user, id) end
  end
  note(redis.call("SADD", owned, "${OWNED.connection}" .. user .. FIELD .. id))
  highest = math.max(highest, tonumber(seq))
end

local function drop(user, id)
  local connections = key("${KEY.connections}", user)
  local record = redis.call("HGET", connections, id)
  if record and token_of(record) == token then note(redis.call("HDEL", connections, id)) end
  note(redis.call("SREM", owned, "${OWNED.connection}" .. user .. FIELD .. id))
end

local function set_online(user, was_known)
  local is_online = redis.call("ZSCORE", ONLINE, user)
  if has_connections(user) then
    if is_online then return end
    redis.call("ZADD", ONLINE, next_seq(), user)
    note(1)
    local was_leaving = redis.call("ZREM", GRACE, user) == 1
    -- Others announced the user offline, with connections that Redis did not know.
    if not (is_quiet or was_known or was_leaving) then table.insert(lines, presence_line(user, 1)) end
  elseif is_online then
    note(redis.call("ZREM", ONLINE, user))
    redis.call("ZADD", GRACE, now() + grace_ms, user)
    table.insert(left, user)
  end
end

while index < #ARGV do
  local user, count, gone = ARGV[index], tonumber(ARGV[index + 1]), tonumber(ARGV[index + 2])
  local was_known = redis.call("EXISTS", key("${KEY.connections}", user)) == 1
  local kept = 0
  index = index + 3
  for at = index, index + 3 * count - 1, 3 do
    local kick = redis.call("HGET", evictions, user .. FIELD .. ARGV[at])
    if kick then
      table.insert(kicks, kick)
    else
      keep(user, ARGV[at], ARGV[at + 1], ARGV[at + 2])
      kept = kept + 1
    end
  end
  index = index + 3 * count
  for at = index, index + gone - 1 do drop(user, ARGV[at]) end
  index = index + gone
  set_members("user:" .. user, token, kept)
  set_online(user, was_known)
end
if #lines > 0 then cast(table.concat(lines, "\n")) end
-- After a loss, numbers continue from the highest that a node remembers, so that older connections stay older.
if highest > tonumber(redis.call("GET", SEQ) or 0) then redis.call("SET", SEQ, highest) end
local reply = { changes, #lines, #left }
for _, user in ipairs(left) do table.insert(reply, user) end
for _, kick in ipairs(kicks) do table.insert(reply, kick) end
return reply
`,
);

/** Makes Redis agree with a node about its joined members of some groups. */
export const MEND_GROUPS = script(
  "mend-groups",
  lua`
-- KEYS[1]  base of the partition of the groups
-- ARGV[1]  token
-- ARGV[2…] of each group: group, number of the node's members, how many of them follow, number of members that are gone,
--          the members that follow, those that are gone
-- reply    changes
${CONNECTIONS}${MENDING}
local token, index = ARGV[1], 2
if is_fenced(token) then return redis.error_reply("${FENCED}") end
local owned = key("${KEY.owned}", token)
while index < #ARGV do
  local group, count = ARGV[index], tonumber(ARGV[index + 1])
  local listed, gone = tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3])
  local joined = key("${KEY.joined}", group)
  index = index + 4
  for at = index, index + listed - 1 do
    note(redis.call("SADD", joined, token .. FIELD .. ARGV[at]))
    note(redis.call("SADD", owned, "${OWNED.member}" .. group .. FIELD .. ARGV[at]))
  end
  for at = index + listed, index + listed + gone - 1 do
    note(redis.call("SREM", joined, token .. FIELD .. ARGV[at]))
    note(redis.call("SREM", owned, "${OWNED.member}" .. group .. FIELD .. ARGV[at]))
  end
  index = index + listed + gone
  set_members("group:" .. group, token, count)
end
return changes
`,
);

/** Makes the members that a dead incarnation has in a group part of what it owns, and its count that of them. */
export const DISOWN = script(
  "disown",
  lua`
-- KEYS[1]  base of the partition of the group
-- ARGV[1]  token
-- ARGV[2]  group
-- ARGV[3]  number of its members; then users of some of them
-- reply    nil
${CONNECTIONS}${MENDING}
local token, group = ARGV[1], ARGV[2]
for at = 4, #ARGV do redis.call("SADD", key("${KEY.owned}", token), "${OWNED.member}" .. group .. FIELD .. ARGV[at]) end
set_members("group:" .. group, token, tonumber(ARGV[3]))
`,
);

/** Sets what a node counts in a partition as a whole. */
export const MEND_COUNTS = script(
  "mend-counts",
  lua`
-- KEYS[1]  base of the partition
-- ARGV[1]  token
-- ARGV[2]  connections of the node in this partition
-- ARGV[3]  highest number of an arrival among them
-- reply    changes
${CONNECTIONS}${MENDING}
local token, count, highest = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if is_fenced(token) then return redis.error_reply("${FENCED}") end
if tonumber(redis.call("HGET", CONNECTION_COUNTS, token) or 0) ~= count then
  if count == 0 then redis.call("HDEL", CONNECTION_COUNTS, token) else redis.call("HSET", CONNECTION_COUNTS, token, count) end
  note(1)
end
if highest > tonumber(redis.call("GET", SEQ) or 0) then
  redis.call("SET", SEQ, highest)
  note(1)
end
return changes
`,
);

/**
 * Finds users who are listed as online without a connection: no node has them, so no node would compare them. One node
 * visits a partition in each round, whichever comes first.
 */
export const MEND_ONLINE = script(
  "mend-online",
  lua`
-- KEYS[1]  base of the partition
-- ARGV[1]  order of arrival: only users after it are visited
-- ARGV[2]  most users
-- ARGV[3]  grace period in milliseconds
-- ARGV[4]  for how long no other node visits the partition, in milliseconds
-- ARGV[5]  for how long a user is without connections first: the nodes that have some need so long to tell, in milliseconds
-- reply    { order of arrival of the last user visited, or "" at the end, changes, number of users whose grace period has
--          begun, these users, then the incarnations that have connections of the users visited, or count some }
${CONNECTIONS}${MENDING}
local is_first = ARGV[1] == "0"
if is_first and not redis.call("SET", base .. ":${VISITED_KEY}", 1, "NX", "PX", ARGV[4]) then return { "", 0, 0 } end
local seen, tokens = {}, is_first and redis.call("HKEYS", CONNECTION_COUNTS) or {}
for _, token in ipairs(tokens) do seen[token] = true end

local function see(token)
  if not seen[token] then table.insert(tokens, token) end
  seen[token] = true
end

-- Lists the user's connections among what their incarnations own, where these lists were lost: then each incarnation, or
-- whoever clears it, finds those that are gone.
local function see_connections(user)
  local connections = key("${KEY.connections}", user)
  if redis.call("HLEN", connections) > ${MAX_LISTED} then return end
  local fields = redis.call("HGETALL", connections)
  for index = 1, #fields, 2 do
    local token = token_of(fields[index + 1])
    see(token)
    redis.call("SADD", key("${KEY.owned}", token), "${OWNED.connection}" .. user .. FIELD .. fields[index])
  end
end
local found = redis.call("ZRANGEBYSCORE", ONLINE, "(" .. ARGV[1], "+inf", "WITHSCORES", "LIMIT", 0, ARGV[2])
local left, last = {}, ""
local suspects, time = base .. ":${SUSPECTS_KEY}", now()
for index = 1, #found, 2 do
  local user = found[index]
  last = found[index + 1]
  local since = redis.call("ZSCORE", suspects, user)
  for _, token in ipairs(redis.call("HKEYS", key("${KEY.nodes}", "user:" .. user))) do see(token) end
  see_connections(user)
  if has_connections(user) then
    if since then redis.call("ZREM", suspects, user) end
  elseif not since then
    redis.call("ZADD", suspects, time, user)
    redis.call("PEXPIRE", suspects, 4 * ARGV[5])
  elseif time - since >= tonumber(ARGV[5]) then
    redis.call("ZREM", suspects, user)
    note(redis.call("ZREM", ONLINE, user))
    redis.call("ZADD", GRACE, now() + ARGV[3], user)
    table.insert(left, user)
  end
end
local reply = { last, changes, #left }
for _, user in ipairs(left) do table.insert(reply, user) end
for _, token in ipairs(tokens) do table.insert(reply, token) end
return reply
`,
);

export const COMPARISON_SCRIPTS = [
  COMPARE_USERS,
  COMPARE_GROUPS,
  MEND_USERS,
  MEND_GROUPS,
  DISOWN,
  MEND_COUNTS,
  MEND_ONLINE,
] as const;
