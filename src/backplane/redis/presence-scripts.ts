import { script } from "./connection/connection.ts";
import { ATTENDANCE, GROUPS, MEMBERS, RULES } from "./presence-lua.ts";

/**
 * Registers a connection, unless the rules refuse it. Nodes whose connections it evicts are told at once, so these end even
 * if the node that asks does not live to see the answer.
 *
 * ARGV: token, user, id, details (platform, device, node, connectedAt), maximum, policy, one per platform.
 * Answers nothing for a refusal; else seq, changes told to everyone, commands sent, and of each evicted one id and details.
 */
export const ARRIVE = script(
  "arrive",
  `${MEMBERS}${ATTENDANCE}${RULES}
local token, user, id, details = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local limit, policy, one_per_platform = tonumber(ARGV[5]), ARGV[6], ARGV[7] == "1"
if is_fenced(token) then return redis.error_reply("FENCED") end
local connections = key("u", user)
local known = redis.call("HGET", connections, id)
if known then return { tonumber(string.match(known, "\\31(%d+)")), 0, 0 } end

local function is_refused()
  if policy ~= "reject" or limit == 0 or redis.call("HLEN", connections) < limit then return false end
  if not one_per_platform then return true end
  local platform, others = string.match(details, "^[^\\31]*"), 0
  for _, connection in ipairs(connections_of(user)) do
    if connection.platform ~= platform then others = others + 1 end
  end
  return others >= limit
end
if is_refused() then return {} end

local seq = next_seq()
local has_come = add(token, user, id, seq, details)
if has_come then cast(change(user, 1)) end
local evicted, sent = {}, 0
for _, connection in ipairs(surplus_of(user, limit, one_per_platform)) do
  table.insert(evicted, connection.id)
  table.insert(evicted, connection.packed)
  if connection.token == token then
    remove(user, connection.id, 0)
  else
    evict(user, connection, 0)
    sent = sent + 1
  end
end
return { seq, has_come and 1 or 0, sent, redis.call("EXISTS", key("q", "user:" .. user)), unpack(evicted) }
`,
);

/**
 * Evicts the connections that a user has on nodes that do not answer: whoever was on one that has crashed would be refused by
 * rules until it is declared dead. If it only sleeps, it ends them when it wakes. ARGV: user, grace time, tokens.
 */
export const EVICT = script(
  "evict",
  `${MEMBERS}${ATTENDANCE}${RULES}
local user, grace, silent = ARGV[1], tonumber(ARGV[2]), {}
for index = 3, #ARGV do silent[ARGV[index]] = true end
for _, connection in ipairs(connections_of(user)) do
  if silent[connection.token] then evict(user, connection, grace) end
end
`,
);

/** Takes a connection out. ARGV: token, user, id, grace time. Answers 1 when it was the user's last. */
export const DEPART = script(
  "depart",
  `${MEMBERS}${ATTENDANCE}
local token, user, id, grace = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if is_fenced(token) then return redis.error_reply("FENCED") end
if remove(user, id, grace) then return 1 end
redis.call("SREM", key("e", token), user .. FIELD .. id)
return 0
`,
);

/**
 * Makes Redis agree with a node about some connections. Where that breaks the rules, because others came while the node was
 * away, older ones give way.
 *
 * ARGV: token, grace time, "quiet" when Redis had lost its data and nobody is to be told again who is online, maximum, one
 * per platform; then for each connection: user, id, seq, details, which are empty for one that is not there any more.
 * Answers changes told to everyone, and whose grace time has begun.
 */
export const RECONCILE = script(
  "reconcile",
  `${MEMBERS}${ATTENDANCE}${RULES}
local token, grace, is_quiet = ARGV[1], tonumber(ARGV[2]), ARGV[3] == "quiet"
local limit, one_per_platform = tonumber(ARGV[4]), ARGV[5] == "1"
if is_fenced(token) then return redis.error_reply("FENCED") end
local changes, gone, highest = {}, {}, 0
for index = 6, #ARGV, 4 do
  local user, id, seq, details = ARGV[index], ARGV[index + 1], tonumber(ARGV[index + 2]), ARGV[index + 3]
  if details == "" then
    if remove(user, id, grace) then table.insert(gone, user) end
    redis.call("SREM", key("n", token), "u" .. user .. FIELD .. id)
  else
    if add(token, user, id, seq, details) and not is_quiet then table.insert(changes, change(user, 1)) end
    for _, connection in ipairs(surplus_of(user, limit, one_per_platform)) do evict(user, connection, grace) end
    highest = math.max(highest, seq)
  end
end
if #changes > 0 then cast(table.concat(changes, "\\n")) end
-- After a loss the numbers go on from the highest that is remembered, so that older stays older.
if highest > tonumber(redis.call("GET", base .. ":seq") or 0) then redis.call("SET", base .. ":seq", highest) end
return { #changes, unpack(gone) }
`,
);

/** The name of a partition's data: another one means that Redis has lost it. ARGV: what to call it if it has none. */
export const BIRTH = script(
  "birth",
  `
redis.call("SETNX", base .. ":birth", ARGV[1])
return redis.call("GET", base .. ":birth")
`,
);

/**
 * Sees to it that users who have left are told offline in the end, also when Redis has lost the record of them.
 * ARGV: grace time, "quiet" when it has, users. Answers who is in the grace time.
 */
export const MISS = script(
  "miss",
  `
local grace, has_lost, missed = tonumber(ARGV[1]), ARGV[2] == "quiet", {}
for index = 3, #ARGV do
  local user = ARGV[index]
  local is_away = redis.call("ZSCORE", base .. ":away", user)
  if not is_away and has_lost and redis.call("EXISTS", key("u", user)) == 0 then
    is_away = redis.call("ZADD", base .. ":away", now() + grace, user)
  end
  if is_away then table.insert(missed, user) end
end
return missed
`,
);

/** Tells of those whose grace time is over. ARGV: how many at most. Answers how many they were. */
export const SWEEP = script(
  "sweep",
  `${MEMBERS}${ATTENDANCE}
local over = redis.call("ZRANGEBYSCORE", base .. ":away", "-inf", now(), "LIMIT", 0, ARGV[1])
local changes = {}
for _, user in ipairs(over) do
  redis.call("ZREM", base .. ":away", user)
  table.insert(changes, change(user, 0))
end
if #changes > 0 then cast(table.concat(changes, "\\n")) end
return #changes
`,
);

/** Makes users members of groups on this node, or takes them out. ARGV: token, then for each: group, user, 1 or 0. */
export const ENROL = script(
  "enrol",
  `${MEMBERS}${GROUPS}
local token = ARGV[1]
if is_fenced(token) then return redis.error_reply("FENCED") end
for index = 2, #ARGV, 3 do
  local change = ARGV[index + 2] == "1" and enter_group or leave_group
  change(token, ARGV[index], ARGV[index + 1])
end
return redis.call("EXISTS", key("q", "group:" .. ARGV[2]))
`,
);

/** Makes a node a member of the channel of everyone. ARGV: token. */
export const ENTER_ALL = script(
  "enter-all",
  `
local token = ARGV[1]
if is_fenced(token) then return redis.error_reply("FENCED") end
redis.call("SADD", key("n", token), "a")
if redis.call("HSET", key("d", "all"), token, 1) == 1 then invalidate("all") end
`,
);

/**
 * Takes out a part of what an incarnation has in a partition, and first shuts it out, so that nothing is added meanwhile.
 * ARGV: token, seconds to shut it out for, grace time, how much at most. Answers how much is left, and whose grace time has
 * begun.
 */
export const CLEAR = script(
  "clear",
  `${MEMBERS}${ATTENDANCE}${GROUPS}
local token, grace = ARGV[1], tonumber(ARGV[3])
redis.call("SET", key("f", token), 1, "EX", ARGV[2])
local had, gone = key("n", token), {}
for _, member in ipairs(redis.call("SPOP", had, ARGV[4])) do
  local kind, first, second = string.match(member, "^(.)([^\\31]*)\\31?(.*)$")
  if kind == "u" then
    if remove(first, second, grace, token) then table.insert(gone, first) end
  elseif kind == "g" then
    leave_group(token, first, second)
  else
    redis.call("HDEL", key("d", "all"), token)
    invalidate("all")
  end
end
return { redis.call("SCARD", had), unpack(gone) }
`,
);

/** The incarnations that have connections of a user. ARGV: user, and a connection, to find only its; may be empty. */
export const LOCATE = script(
  "locate",
  `
if ARGV[2] == "" then return redis.call("HKEYS", key("d", "user:" .. ARGV[1])) end
local packed = redis.call("HGET", key("u", ARGV[1]), ARGV[2])
return packed and { string.match(packed, "^[^\\31]*") } or {}
`,
);

/** How many users and connections are online. ARGV: order of coming, to count only users after it. */
export const CENSUS = script(
  "census",
  `
local users = redis.call("ZCOUNT", base .. ":online", "(" .. ARGV[1], "+inf")
return { users, tonumber(redis.call("GET", base .. ":conns") or 0) }
`,
);

/**
 * A page of users online. ARGV: order of coming to begin after, how many at most. Of each: name, order, connections,
 * platforms.
 */
export const PAGE = script(
  "page",
  `
-- Of a user with more connections it takes a sample to tell the platforms.
local SAMPLE = 1000

local function connections_of(user)
  local connections = key("u", user)
  local count = redis.call("HLEN", connections)
  if count <= SAMPLE then return count, redis.call("HVALS", connections) end
  return count, redis.call("HMGET", connections, unpack(redis.call("HRANDFIELD", connections, SAMPLE)))
end

local found = redis.call("ZRANGEBYSCORE", base .. ":online", "(" .. ARGV[1], "+inf", "WITHSCORES", "LIMIT", 0, ARGV[2])
local page = {}
for index = 1, #found, 2 do
  local count, connections = connections_of(found[index])
  local platforms, seen = {}, {}
  for _, packed in ipairs(connections) do
    local platform = string.match(packed, "^[^\\31]*\\31%d+\\31([^\\31]*)")
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

/** A part of a set or hash. ARGV: command, kind, name, cursor, how much about. Answers the next cursor and what it has found. */
export const SCAN = script(
  "scan",
  `return redis.call(ARGV[1], key(ARGV[2], ARGV[3]), ARGV[4], "COUNT", ARGV[5])`,
);

export const PRESENCE_SCRIPTS = [
  ARRIVE,
  EVICT,
  DEPART,
  BIRTH,
  RECONCILE,
  MISS,
  SWEEP,
  ENROL,
  ENTER_ALL,
  CLEAR,
  LOCATE,
  CENSUS,
  PAGE,
  SCAN,
] as const;
