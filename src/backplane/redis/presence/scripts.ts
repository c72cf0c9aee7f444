import { FENCED, lua, script } from "../connection/connection.ts";
import { KEY } from "../wire/keys.ts";
import { CLEAR } from "./clear.ts";
import { CONNECTIONS, FIELD_PATTERN, LOSSES, OWNED, RECORD, RULES } from "./lua.ts";
import { ROOM_SCRIPTS } from "./rooms/scripts.ts";
import { LISTEN } from "./watching/listening.ts";

/**
 * Registers a connection, unless the rules refuse it. The script itself sends the commands to the nodes whose connections it
 * evicts, so these end even if the asking node crashes before the reply.
 */
export const ARRIVE = script(
  "arrive",
  lua`
-- KEYS[1]  base of the partition of the user
-- ARGV[1]  token
-- ARGV[2]  user
-- ARGV[3]  connection id
-- ARGV[4]  details: platform, device, node, connectedAt
-- ARGV[5]  most connections of the user, 0 for no limit
-- ARGV[6]  policy at the limit: reject or kick_oldest
-- ARGV[7]  1 for one connection per platform
-- reply    {} when refused; { -1, milliseconds of the rest } for a blocked user; else { seq, presence lines sent, commands sent, 1 when an invalidation is to be confirmed,
--          then id and record of each evicted connection, oldest first }
${CONNECTIONS}${RULES}
local token, user, id, details = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local limit, policy, one_per_platform = tonumber(ARGV[5]), ARGV[6], ARGV[7] == "1"
if is_fenced(token) then return redis.error_reply("${FENCED}") end
local connections = key("${KEY.connections}", user)
local known = redis.call("HGET", connections, id)
if known then return { seq_of(known), 0, 0 } end
local blocked_ms = tonumber(redis.call("GET", key("${KEY.blocked}", user)) or 0) - now()
if blocked_ms > 0 then return { -1, blocked_ms } end

local function is_refused()
  if policy ~= "reject" or limit == 0 or redis.call("HLEN", connections) < limit then return false end
  if not one_per_platform then return true end
  local platform, others = string.match(details, "^${FIELD_PATTERN}"), 0
  for _, connection in ipairs(connections_of(user)) do
    if connection.platform ~= platform then others = others + 1 end
  end
  return others >= limit
end
if is_refused() then return {} end

local seq = next_seq()
local has_come = add(token, user, id, seq, details)
if has_come then cast(presence_line(user, 1)) end
local evicted, sent = {}, 0
for _, connection in ipairs(surplus_of(user, limit, one_per_platform)) do
  table.insert(evicted, connection.id)
  table.insert(evicted, connection.record)
  if connection.token == token then
    remove(user, connection.id, 0)
  else
    evict(user, connection, 0)
    sent = sent + 1
  end
end
local to_confirm = redis.call("EXISTS", key("${KEY.invalidated}", "user:" .. user))
return { seq, has_come and 1 or 0, sent, to_confirm, unpack(evicted) }
`,
);

/**
 * Evicts connections of a user on nodes that do not answer. Otherwise the rules would refuse the user until a crashed node
 * is declared dead, and a kick would not hold. A node that only hangs ends them when it continues.
 */
export const EVICT = script(
  "evict",
  lua`
-- KEYS[1]  base of the partition of the user
-- ARGV[1]  user
-- ARGV[2]  grace period in milliseconds
-- ARGV[3]  kick, JSON; empty for one that makes room for a newer connection
-- ARGV[4]  only this connection, or empty
-- ARGV[5]  only this platform, or empty
-- ARGV[6…] tokens of nodes that do not answer
-- reply    users whose grace period has begun
${CONNECTIONS}${RULES}
local user, grace_ms, kick, silent = ARGV[1], tonumber(ARGV[2]), ARGV[3] ~= "" and ARGV[3] or nil, {}
for index = 6, #ARGV do silent[ARGV[index]] = true end
local function is_meant(connection)
  if ARGV[4] ~= "" and connection.id ~= ARGV[4] then return false end
  return silent[connection.token] and (ARGV[5] == "" or connection.platform == ARGV[5])
end
local left = {}
for _, connection in ipairs(connections_of(user)) do
  if is_meant(connection) and evict(user, connection, grace_ms, kick) then table.insert(left, user) end
end
return left
`,
);

/** Removes a connection. */
export const DEPART = script(
  "depart",
  lua`
-- KEYS[1]  base of the partition of the user
-- ARGV[1]  token
-- ARGV[2]  user
-- ARGV[3]  connection id
-- ARGV[4]  grace period in milliseconds
-- reply    1 when it was the user's last connection, else 0
${CONNECTIONS}
local token, user, id, grace_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if is_fenced(token) then return redis.error_reply("${FENCED}") end
if remove(user, id, grace_ms) then return 1 end
redis.call("HDEL", key("${KEY.evictions}", token), user .. FIELD .. id)
return 0
`,
);

/**
 * Reconciles Redis with some connections of a node. Connections of other nodes may have arrived while this one could not reach
 * Redis: where that breaks the rules, older connections are evicted.
 */
export const RECONCILE = script(
  "reconcile",
  lua`
-- KEYS[1]  base of the partition of the users
-- ARGV[1]  token
-- ARGV[2]  grace period in milliseconds
-- ARGV[3]  birth of the partition in which users may be announced. In another one Redis has lost its data: the users
--          were online before
-- ARGV[4]  most connections of a user, 0 for no limit
-- ARGV[5]  1 for one connection per platform
-- ARGV[6…] four for each connection: user, id, seq, details; empty details for one that is gone
-- reply    { presence lines sent, then users whose grace period has begun }
${CONNECTIONS}${RULES}${LOSSES}
local token, grace_ms, is_quiet = ARGV[1], tonumber(ARGV[2]), is_lost(ARGV[3])
local limit, one_per_platform = tonumber(ARGV[4]), ARGV[5] == "1"
if is_fenced(token) then return redis.error_reply("${FENCED}") end
local lines, left, highest = {}, {}, 0
for index = 6, #ARGV, 4 do
  local user, id, seq, details = ARGV[index], ARGV[index + 1], tonumber(ARGV[index + 2]), ARGV[index + 3]
  if details == "" then
    if remove(user, id, grace_ms) then table.insert(left, user) end
    redis.call("SREM", key("${KEY.owned}", token), "${OWNED.connection}" .. user .. FIELD .. id)
  else
    if add(token, user, id, seq, details) and not is_quiet then table.insert(lines, presence_line(user, 1)) end
    for _, connection in ipairs(surplus_of(user, limit, one_per_platform)) do evict(user, connection, grace_ms) end
    highest = math.max(highest, seq)
  end
end
if #lines > 0 then cast(table.concat(lines, "\n")) end
-- After a loss, numbers continue from the highest that a node remembers, so that older connections stay older.
if highest > tonumber(redis.call("GET", SEQ) or 0) then redis.call("SET", SEQ, highest) end
return { #lines, unpack(left) }
`,
);

/** Restores grace periods that Redis has lost, so that users who have left are still announced offline. */
export const RESUME_GRACE = script(
  "resume-grace",
  lua`
-- KEYS[1]  base of the partition of the users
-- ARGV[1]  grace period in milliseconds
-- ARGV[2]  birth of the partition in which its data are not lost
-- ARGV[3…] users
-- reply    the users who are in their grace period now
${CONNECTIONS}${LOSSES}
local grace_ms, has_lost, in_grace = tonumber(ARGV[1]), is_lost(ARGV[2]), {}
for index = 3, #ARGV do
  local user = ARGV[index]
  local ends_at = redis.call("ZSCORE", GRACE, user)
  if not ends_at and has_lost and redis.call("EXISTS", key("${KEY.connections}", user)) == 0 then
    ends_at = redis.call("ZADD", GRACE, now() + grace_ms, user)
  end
  if ends_at then table.insert(in_grace, user) end
end
return in_grace
`,
);

/** Announces users offline whose grace period is over. */
export const SWEEP = script(
  "sweep",
  lua`
-- KEYS[1]  base of the partition of the users
-- ARGV[1]  most users
-- reply    how many were announced
${CONNECTIONS}
local lines = {}
for _, user in ipairs(redis.call("ZRANGEBYSCORE", GRACE, "-inf", now(), "LIMIT", 0, ARGV[1])) do
  redis.call("ZREM", GRACE, user)
  table.insert(lines, presence_line(user, 0))
end
if #lines > 0 then cast(table.concat(lines, "\n")) end
return #lines
`,
);

/** Makes a node a member of the channel `all`. */
export const ENTER_ALL = script(
  "enter-all",
  lua`
-- KEYS[1]  base of the partition of the channel all
-- ARGV[1]  token
-- reply    nil
local token = ARGV[1]
if is_fenced(token) then return redis.error_reply("${FENCED}") end
redis.call("SADD", key("${KEY.owned}", token), "${OWNED.all}")
if redis.call("HSET", key("${KEY.nodes}", "all"), token, 1) == 1 then invalidate("all") end
`,
);

/** Finds the incarnations that have connections of a user. */
export const LOCATE = script(
  "locate",
  lua`
-- KEYS[1]  base of the partition of the user
-- ARGV[1]  user
-- ARGV[2]  connection id to find only its node, or empty
-- reply    tokens
${RECORD}
if ARGV[2] == "" then return redis.call("HKEYS", key("${KEY.nodes}", "user:" .. ARGV[1])) end
local record = redis.call("HGET", key("${KEY.connections}", ARGV[1]), ARGV[2])
return record and { token_of(record) } or {}
`,
);

/** Counts the users and connections of a partition that are online. */
export const CENSUS = script(
  "census",
  lua`
-- KEYS[1]  base of a partition
-- ARGV[1]  order of arrival: only users after it are counted
-- reply    { users, connections of all users }
local users = redis.call("ZCOUNT", base .. ":online", "(" .. ARGV[1], "+inf")
local connections = 0
for _, count in ipairs(redis.call("HVALS", base .. ":conns")) do connections = connections + count end
return { users, connections }
`,
);

/** Reads a page of users online. */
export const PAGE = script(
  "page",
  lua`
-- KEYS[1]  base of a partition
-- ARGV[1]  order of arrival to begin after
-- ARGV[2]  most users
-- reply    four for each user: name, order of arrival, count of connections, platforms, joined with FIELD
${RECORD}
-- The platforms of a user with more connections are those of a sample.
local SAMPLE = 1000

local function sample_of(user)
  local connections = key("${KEY.connections}", user)
  local count = redis.call("HLEN", connections)
  if count <= SAMPLE then return count, redis.call("HVALS", connections) end
  return count, redis.call("HMGET", connections, unpack(redis.call("HRANDFIELD", connections, SAMPLE)))
end

local found = redis.call("ZRANGEBYSCORE", base .. ":online", "(" .. ARGV[1], "+inf", "WITHSCORES", "LIMIT", 0, ARGV[2])
local page = {}
for index = 1, #found, 2 do
  local count, records = sample_of(found[index])
  local platforms, seen = {}, {}
  for _, record in ipairs(records) do
    local platform = platform_of(record)
    if not seen[platform] then table.insert(platforms, platform) end
    seen[platform] = true
  end
  table.insert(page, found[index])
  table.insert(page, found[index + 1])
  table.insert(page, count)
  table.insert(page, table.concat(platforms, FIELD))
end
return page
`,
);

/** Reads a part of a set or hash. */
export const SCAN = script(
  "scan",
  lua`
-- KEYS[1]  base of a partition
-- ARGV[1]  SSCAN or HSCAN
-- ARGV[2]  kind of the key
-- ARGV[3]  name of the key
-- ARGV[4]  cursor
-- ARGV[5]  about how many members
-- reply    { next cursor, members, or alternating fields and values }
return redis.call(ARGV[1], key(ARGV[2], ARGV[3]), ARGV[4], "COUNT", ARGV[5])
`,
);

export const PRESENCE_SCRIPTS = [
  ARRIVE,
  EVICT,
  DEPART,
  RECONCILE,
  RESUME_GRACE,
  SWEEP,
  ...ROOM_SCRIPTS,
  LISTEN,
  ENTER_ALL,
  CLEAR,
  LOCATE,
  CENSUS,
  PAGE,
  SCAN,
] as const;
