/**
 * What the scripts of presence share. All keys of a user are in the user's partition, all of a group in the group's.
 *
 * | key | what |
 * | --- | --- |
 * | `u:<user>` | connection id → token, seq, platform, device, node, connectedAt |
 * | `j:<group>` | who has joined where: token FIELD user |
 * | `d:<channel>` | the nodes of a channel: token → how many members it has there, connections for a user |
 * | `n:<token>` | what an incarnation has, for the one who clears up after it: `u` user FIELD id, `g` group FIELD user, `a` |
 * | `e:<token>` | connections of an incarnation that others evicted, in case it does not hear of it: user FIELD id |
 * | `online`, `away` | users by the order of coming; users in their grace time by its end |
 * | `seq`, `conns` | gives everyone who comes a number; how many connections there are |
 *
 * Nothing here takes longer the more connections a user has, unless rules limit them.
 */
export const MEMBERS = `
-- Counts the members that a node has of a channel.
local function count_members(channel, token, step)
  local nodes = key("d", channel)
  local count = redis.call("HINCRBY", nodes, token, step)
  if count <= 0 then redis.call("HDEL", nodes, token) end
  if count == 0 or count == step then invalidate(channel) end
end
`;

export const ATTENDANCE = `
-- An evicted connection is remembered for a day, longer than any outage should last.
local EVICTIONS_SECONDS = 86400

local function next_seq() return redis.call("INCR", base .. ":seq") end

local function change(user, online) return "P" .. FIELD .. user .. FIELD .. online end

local function token_of(packed) return string.match(packed, "^[^\\31]*") end

local function own(token, user, id)
  redis.call("SADD", key("n", token), "u" .. user .. FIELD .. id)
  count_members("user:" .. user, token, 1)
end

local function disown(token, user, id)
  redis.call("SREM", key("n", token), "u" .. user .. FIELD .. id)
  count_members("user:" .. user, token, -1)
end

-- Adds a connection, or takes it over from an earlier incarnation of its node.
-- Answers whether everyone is to be told that the user is online.
local function add(token, user, id, seq, details)
  local connections = key("u", user)
  local former = redis.call("HGET", connections, id)
  if former and token_of(former) == token then return false end
  redis.call("HSET", connections, id, table.concat({ token, seq, details }, FIELD))
  own(token, user, id)
  if former then
    disown(token_of(former), user, id)
    return false
  end
  redis.call("INCR", base .. ":conns")
  if redis.call("HLEN", connections) > 1 then return false end
  redis.call("ZADD", base .. ":online", next_seq(), user)
  return redis.call("ZREM", base .. ":away", user) == 0
end

-- Removes a connection, if need be only one of a certain incarnation. Answers whether the user's grace time has begun.
local function remove(user, id, grace, only)
  local connections = key("u", user)
  local packed = redis.call("HGET", connections, id)
  if not packed or (only and token_of(packed) ~= only) then return false end
  redis.call("HDEL", connections, id)
  disown(token_of(packed), user, id)
  redis.call("DECR", base .. ":conns")
  if redis.call("EXISTS", connections) == 1 then return false end
  redis.call("ZREM", base .. ":online", user)
  redis.call("ZADD", base .. ":away", now() + grace, user)
  return true
end
`;

export const RULES = `
local function connections_of(user)
  local found = {}
  local fields = redis.call("HGETALL", key("u", user))
  for index = 1, #fields, 2 do
    local packed = fields[index + 1]
    local token, seq, platform = string.match(packed, "^([^\\31]*)\\31(%d+)\\31([^\\31]*)")
    table.insert(found, { id = fields[index], token = token, seq = tonumber(seq), platform = platform, packed = packed })
  end
  return found
end

-- The connections that break the rules, oldest first: newer ones are kept before older ones.
local function surplus_of(user, limit, one_per_platform)
  if not one_per_platform and (limit == 0 or redis.call("HLEN", key("u", user)) <= limit) then return {} end
  local surplus, seen, kept = {}, {}, 0
  local present = connections_of(user)
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
local function evict(user, connection, grace)
  local token, id = connection.token, connection.id
  local kick = cjson.encode({ kind = "kick", cause = "replaced", user = user, connection = id })
  remove(user, id, grace)
  redis.call("SADD", key("e", token), user .. FIELD .. id)
  redis.call("EXPIRE", key("e", token), EVICTIONS_SECONDS)
  post(token, table.concat({ "C", "", "", kick }, FIELD))
end
`;

export const GROUPS = `
local function enter_group(token, group, user)
  if redis.call("SADD", key("j", group), token .. FIELD .. user) == 0 then return end
  redis.call("SADD", key("n", token), "g" .. group .. FIELD .. user)
  count_members("group:" .. group, token, 1)
end

local function leave_group(token, group, user)
  redis.call("SREM", key("n", token), "g" .. group .. FIELD .. user)
  if redis.call("SREM", key("j", group), token .. FIELD .. user) == 0 then return end
  count_members("group:" .. group, token, -1)
end
`;
