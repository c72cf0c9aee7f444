/**
 * What the scripts of presence share. All keys of a user are in the user's partition, all of a group in the group's.
 *
 * | key | what |
 * | --- | --- |
 * | `u:<user>` | connection id → token, seq, platform, device, node, connectedAt |
 * | `online`, `away` | users by the order of coming; users in their grace time by its end |
 * | `seq`, `conns` | gives every connection and every user who comes a number; how many connections there are |
 * | `n:<token>` | what an incarnation has here, for the one who clears up after it: `u<user>`, `g<group>` FIELD `<user>`, `a` |
 * | `e:<token>` | connections of an incarnation that others evicted, in case it does not hear of it: `<user>` FIELD `<id>` |
 */
export const ATTENDANCE = `
-- An evicted connection is remembered for a day, longer than any outage should last.
local EVICTIONS_SECONDS = 86400

local function next_seq() return redis.call("INCR", base .. ":seq") end

-- A user's connections, and of how many each incarnation had and has.
local function attendance_of(user)
  local attendance = { user = user, connections = {}, had = {}, has = {}, before = 0, size = 0 }
  local fields = redis.call("HGETALL", key("u", user))
  for index = 1, #fields, 2 do
    local id, packed = fields[index], fields[index + 1]
    local token, seq, platform = string.match(packed, "^([^\\31]*)\\31(%d+)\\31([^\\31]*)")
    attendance.connections[id] = { id = id, token = token, seq = tonumber(seq), platform = platform, packed = packed }
    attendance.had[token] = (attendance.had[token] or 0) + 1
    attendance.has[token] = (attendance.has[token] or 0) + 1
    attendance.size = attendance.size + 1
  end
  attendance.before = attendance.size
  return attendance
end

local function remove(attendance, id)
  local token = attendance.connections[id].token
  redis.call("HDEL", key("u", attendance.user), id)
  attendance.connections[id] = nil
  attendance.has[token] = attendance.has[token] - 1
  attendance.size = attendance.size - 1
end

-- Takes the place of a connection with this id.
local function put(attendance, id, token, seq, details)
  if attendance.connections[id] then remove(attendance, id) end
  local packed = token .. FIELD .. seq .. FIELD .. details
  local platform = string.match(details, "^[^\\31]*")
  redis.call("HSET", key("u", attendance.user), id, packed)
  attendance.connections[id] = { id = id, token = token, seq = seq, platform = platform, packed = packed }
  attendance.has[token] = (attendance.has[token] or 0) + 1
  attendance.size = attendance.size + 1
end

-- The connections that break the rules, oldest first: newer ones are kept before older ones.
local function surplus_of(attendance, limit, one_per_platform)
  local present, surplus, seen, kept = {}, {}, {}, 0
  for _, connection in pairs(attendance.connections) do table.insert(present, connection) end
  table.sort(present, function(one, other) return one.seq > other.seq end)
  for _, connection in ipairs(present) do
    local is_replaced = one_per_platform and seen[connection.platform]
    if is_replaced or (limit > 0 and kept >= limit) then
      table.insert(surplus, 1, connection)
    else
      seen[connection.platform] = true
      kept = kept + 1
    end
  end
  return surplus
end

-- Takes a connection out for good, and has its node end it.
local function evict(attendance, connection)
  local user, id = attendance.user, connection.id
  local evictions = key("e", connection.token)
  local kick = cjson.encode({ kind = "kick", cause = "replaced", user = user, connection = id })
  remove(attendance, id)
  redis.call("SADD", evictions, user .. FIELD .. id)
  redis.call("EXPIRE", evictions, EVICTIONS_SECONDS)
  post(connection.token, table.concat({ "C", "", "", kick }, FIELD))
end

local function change(user, online) return "P" .. FIELD .. user .. FIELD .. online end

local function depart_at(user, due)
  redis.call("ZREM", base .. ":online", user)
  redis.call("ZADD", base .. ":away", due, user)
end

-- Brings what follows from a user's connections in line with them.
-- Answers "come" when everyone has to be told, "gone" when the grace time has begun.
local function settle(attendance, grace)
  local user, before, size = attendance.user, attendance.before, attendance.size
  local has_moved = false
  for token, count in pairs(attendance.has) do
    local had = attendance.had[token] or 0
    if (had > 0) ~= (count > 0) then
      redis.call(count > 0 and "SADD" or "SREM", key("n", token), "u" .. user)
      has_moved = true
    end
  end
  if has_moved then invalidate("user:" .. user) end
  if size ~= before then redis.call("INCRBY", base .. ":conns", size - before) end
  if before == 0 and size > 0 then
    redis.call("ZADD", base .. ":online", next_seq(), user)
    if redis.call("ZREM", base .. ":away", user) == 0 then return "come" end
  elseif before > 0 and size == 0 then
    depart_at(user, now() + grace)
    return "gone"
  end
end
`;

export const GROUPS = `
local function enter_group(token, group, user)
  if redis.call("SADD", key("j", group), token .. FIELD .. user) == 0 then return end
  redis.call("SADD", key("n", token), "g" .. group .. FIELD .. user)
  local channel = "group:" .. group
  if redis.call("HINCRBY", key("d", channel), token, 1) == 1 then invalidate(channel) end
end

local function leave_group(token, group, user)
  redis.call("SREM", key("n", token), "g" .. group .. FIELD .. user)
  if redis.call("SREM", key("j", group), token .. FIELD .. user) == 0 then return end
  local channel = "group:" .. group
  if redis.call("HINCRBY", key("d", channel), token, -1) > 0 then return end
  redis.call("HDEL", key("d", channel), token)
  invalidate(channel)
end
`;
