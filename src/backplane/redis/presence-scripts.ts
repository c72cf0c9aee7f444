import { ATTENDANCE, GROUPS } from "./presence-lua.ts";
import { script } from "./script.ts";

/**
 * Registers a connection, unless the rules refuse it. Nodes whose connections it evicts are told at once, so these end even
 * if the node that asks does not live to see the answer.
 *
 * ARGV: token, user, id, details (platform, device, node, connectedAt), maximum, policy, one per platform.
 * Answers nothing for a refusal; else seq, changes told to everyone, commands sent, and of each evicted one id and details.
 */
export const ARRIVE = script(
  "arrive",
  `${ATTENDANCE}
local token, user, id, details = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local limit, policy, one_per_platform = tonumber(ARGV[5]), ARGV[6], ARGV[7] == "1"
if is_fenced(token) then return redis.error_reply("FENCED") end
local attendance = attendance_of(user)
local known = attendance.connections[id]
if known then return { known.seq, 0, 0 } end

if policy == "reject" and limit > 0 then
  local platform, others = string.match(details, "^[^\\31]*"), 0
  for _, connection in pairs(attendance.connections) do
    if not (one_per_platform and connection.platform == platform) then others = others + 1 end
  end
  if others >= limit then return {} end
end
local seq = next_seq()
put(attendance, id, token, seq, details)

local evicted, sent = {}, 0
for _, connection in ipairs(surplus_of(attendance, limit, one_per_platform)) do
  table.insert(evicted, connection.id)
  table.insert(evicted, connection.packed)
  if connection.token == token then
    remove(attendance, connection.id)
  else
    evict(attendance, connection)
    sent = sent + 1
  end
end
local has_come = settle(attendance) == "come"
if has_come then cast(change(user, 1)) end
return { seq, has_come and 1 or 0, sent, unpack(evicted) }
`,
);

/**
 * ARGV: token, user, id, grace time. Answers 1 when that was the user's last connection.
 */
export const DEPART = script(
  "depart",
  `${ATTENDANCE}
local token, user, id, grace = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if is_fenced(token) then return redis.error_reply("FENCED") end
local attendance = attendance_of(user)
if not attendance.connections[id] then
  redis.call("SREM", key("e", token), user .. FIELD .. id)
  return 0
end
remove(attendance, id)
return settle(attendance, grace) == "gone" and 1 or 0
`,
);

/**
 * Makes Redis agree with what a node has of some users: adds what is missing, also from an earlier incarnation, and removes
 * the rest. Where that breaks the rules, because others came meanwhile, older connections give way.
 *
 * ARGV: token, grace time, "quiet" when Redis had lost its data and nobody is to be told again who is online, grace time of
 * those who left meanwhile, maximum, one per platform; then for each user: name, whether the user has left lately, number
 * of connections, and of each id, seq, details (none for one whose arrival is under way: it is left as it is).
 * Answers changes told to everyone, and who is in the grace time.
 */
export const RECONCILE = script(
  "reconcile",
  `${ATTENDANCE}
local token, grace, is_quiet, long_grace = ARGV[1], tonumber(ARGV[2]), ARGV[3] == "quiet", tonumber(ARGV[4])
local limit, one_per_platform = tonumber(ARGV[5]), ARGV[6] == "1"
if is_fenced(token) then return redis.error_reply("FENCED") end
local changes, gone, highest = {}, {}, 0

-- Takes count connections from ARGV, beginning at index.
local function agree(attendance, index, count)
  local kept, has_grown = {}, false
  for at = index, index + 3 * (count - 1), 3 do
    local id, seq, details = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
    local known = attendance.connections[id]
    kept[id] = true
    if details ~= "" and not (known and known.token == token) then
      put(attendance, id, token, seq, details)
      highest = math.max(highest, seq)
      has_grown = true
    end
  end
  for id, connection in pairs(attendance.connections) do
    if connection.token == token and not kept[id] then remove(attendance, id) end
  end
  if not has_grown then return end
  for _, connection in ipairs(surplus_of(attendance, limit, one_per_platform)) do evict(attendance, connection) end
end

-- Whoever has left is missed, also when the record of it is lost.
local function is_missed(user)
  if redis.call("ZSCORE", base .. ":away", user) then return true end
  if is_quiet then depart_at(user, now() + long_grace) end
  return is_quiet
end

local index = 7
while index <= #ARGV do
  local user, has_left, count = ARGV[index], ARGV[index + 1] == "1", tonumber(ARGV[index + 2])
  local attendance = attendance_of(user)
  agree(attendance, index + 3, count)
  index = index + 3 + 3 * count
  if count == 0 then redis.call("SREM", key("n", token), "u" .. user) end
  local outcome = settle(attendance, grace)
  if outcome == "come" and not is_quiet then table.insert(changes, change(user, 1)) end
  if outcome == "gone" or (has_left and attendance.size == 0 and is_missed(user)) then table.insert(gone, user) end
end
if #changes > 0 then cast(table.concat(changes, "\\n")) end
-- After a loss the numbers go on from the highest that is remembered, so that older stays older.
if highest > tonumber(redis.call("GET", base .. ":seq") or 0) then redis.call("SET", base .. ":seq", highest) end
return { #changes, unpack(gone) }
`,
);

/** Tells of those whose grace time is over. ARGV: how many at most. Answers how many they were. */
export const SWEEP = script(
  "sweep",
  `${ATTENDANCE}
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
  `${GROUPS}
local token = ARGV[1]
if is_fenced(token) then return redis.error_reply("FENCED") end
for index = 2, #ARGV, 3 do
  local change = ARGV[index + 2] == "1" and enter_group or leave_group
  change(token, ARGV[index], ARGV[index + 1])
end
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
 * ARGV: token, seconds to shut it out for, grace time, how much at most. Answers how much is left, and who is now in
 * the grace time.
 */
export const CLEAR = script(
  "clear",
  `${ATTENDANCE}${GROUPS}
local token, grace = ARGV[1], tonumber(ARGV[3])
redis.call("SET", key("f", token), 1, "EX", ARGV[2])
local had, gone = key("n", token), {}

local function clear_user(user)
  local attendance = attendance_of(user)
  for id, connection in pairs(attendance.connections) do
    if connection.token == token then remove(attendance, id) end
  end
  if settle(attendance, grace) == "gone" then table.insert(gone, user) end
end

for _, member in ipairs(redis.call("SPOP", had, ARGV[4])) do
  local kind, name = string.sub(member, 1, 1), string.sub(member, 2)
  if kind == "u" then
    clear_user(name)
  elseif kind == "g" then
    leave_group(token, string.match(name, "^([^\\31]*)\\31(.*)$"))
  else
    redis.call("HDEL", key("d", "all"), token)
    invalidate("all")
  end
end
return { redis.call("SCARD", had), unpack(gone) }
`,
);

/** The connections of a user. ARGV: user. */
export const CONNECTIONS = script("connections", `return redis.call("HGETALL", key("u", ARGV[1]))`);

/** How many users and connections are online. ARGV: order of coming, to count only users after it. */
export const CENSUS = script(
  "census",
  `
local users = redis.call("ZCOUNT", base .. ":online", "(" .. ARGV[1], "+inf")
return { users, tonumber(redis.call("GET", base .. ":conns") or 0) }
`,
);

/** A page of users online. ARGV: order of coming to begin after, how many at most. Of each: name, order, connections, platforms. */
export const PAGE = script(
  "page",
  `
local found = redis.call("ZRANGEBYSCORE", base .. ":online", "(" .. ARGV[1], "+inf", "WITHSCORES", "LIMIT", 0, ARGV[2])
local page = {}
for index = 1, #found, 2 do
  local connections = redis.call("HVALS", key("u", found[index]))
  local platforms, seen = {}, {}
  for _, packed in ipairs(connections) do
    local platform = string.match(packed, "^[^\\31]*\\31%d+\\31([^\\31]*)")
    if not seen[platform] then table.insert(platforms, platform) end
    seen[platform] = true
  end
  table.insert(page, found[index])
  table.insert(page, found[index + 1])
  table.insert(page, #connections)
  table.insert(page, table.concat(platforms, FIELD))
end
return page
`,
);

/** A part of a set. ARGV: kind, name, cursor, how much about. Answers the next cursor and the members. */
export const SCAN = script(
  "scan",
  `return redis.call("SSCAN", key(ARGV[1], ARGV[2]), ARGV[3], "COUNT", ARGV[4])`,
);

export const PRESENCE_SCRIPTS = [
  ARRIVE,
  DEPART,
  RECONCILE,
  SWEEP,
  ENROL,
  ENTER_ALL,
  CLEAR,
  CONNECTIONS,
  CENSUS,
  PAGE,
  SCAN,
] as const;
