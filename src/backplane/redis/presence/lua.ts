import { lua, luaEscapes } from "../connection/connection.ts";
import { KEY } from "../wire/keys.ts";
import { FIELD, LINE } from "../wire/lines.ts";

/**
 * First letter of each entry of {@link KEY.owned}, the set of everything that an incarnation owns in a partition. The node
 * that clears the incarnation removes these.
 */
export const OWNED = {
  /** `u` user FIELD connection id. */
  connection: "u",
  /** `g` group FIELD user. */
  member: "g",
  /** `w` group, which the node watches. */
  watch: "w",
  /** `l` channel, to which the node listens. */
  listener: "l",
  /** `a` alone: the node is a member of the channel `all`. */
  all: "a",
} as const;

/** In place of a birth: this node has not seen the partition before, so it cannot have lost anything of this node. */
export const ANY_BIRTH = "any";

const SEPARATOR = luaEscapes(FIELD);

/** Lua pattern of the characters of one field. */
export const FIELD_PATTERN = `[^${SEPARATOR}]*`;

/**
 * Tells whether Redis has lost the data of the partition. The birth in which users may be announced is an argument, and the
 * script decides: a call that finds the data lost is repeated under their new birth.
 */
export const LOSSES = lua`
local function is_lost(loud_birth) return loud_birth ~= BIRTH and loud_birth ~= "${ANY_BIRTH}" end
`;

/** Counts the members of a channel on each node. */
export const MEMBERS = lua`
local function count_members(channel, token, step)
  local nodes = key("${KEY.nodes}", channel)
  local count = redis.call("HINCRBY", nodes, token, step)
  if count <= 0 then redis.call("HDEL", nodes, token) end
  if count == 0 or count == step then invalidate(channel) end
end
`;

/**
 * Reads the record of a connection: token, seq, platform, device, node, connectedAt. record.ts reads all of
 * it and writes the details, which begin with platform.
 */
export const RECORD = lua`
local function token_of(record) return string.match(record, "^${FIELD_PATTERN}") end

local function seq_of(record) return tonumber(string.match(record, "${SEPARATOR}(%d+)")) end

local function platform_of(record)
  return string.match(record, "^${FIELD_PATTERN}${SEPARATOR}%d+${SEPARATOR}(${FIELD_PATTERN})")
end
`;

/**
 * Adds and removes connections. Keys of a partition, besides those of KEY:
 *
 * | key | content |
 * | --- | --- |
 * | `online`, `grace` | users by order of arrival; users in their grace period by its end, in milliseconds since 1970 |
 * | `seq`, `conns` | number of the last arrival; node → count of its connections |
 *
 * No step takes longer the more connections a user has, unless rules limit them.
 */
export const CONNECTIONS = lua`${MEMBERS}${RECORD}
local ONLINE, GRACE = base .. ":online", base .. ":grace"
local SEQ, CONNECTION_COUNTS = base .. ":seq", base .. ":conns"

local function next_seq() return redis.call("INCR", SEQ) end

local function presence_line(user, online) return "${LINE.presence}" .. FIELD .. user .. FIELD .. online end

local function count_connections(token, step)
  if redis.call("HINCRBY", CONNECTION_COUNTS, token, step) <= 0 then redis.call("HDEL", CONNECTION_COUNTS, token) end
end

local function own(token, user, id)
  count_connections(token, 1)
  redis.call("SADD", key("${KEY.owned}", token), "${OWNED.connection}" .. user .. FIELD .. id)
  count_members("user:" .. user, token, 1)
end

local function disown(token, user, id)
  count_connections(token, -1)
  redis.call("SREM", key("${KEY.owned}", token), "${OWNED.connection}" .. user .. FIELD .. id)
  count_members("user:" .. user, token, -1)
end

-- Adds a connection, or takes it over from an earlier incarnation of its node.
-- Returns whether the user has come online.
local function add(token, user, id, seq, details)
  local connections = key("${KEY.connections}", user)
  local former = redis.call("HGET", connections, id)
  if former and token_of(former) == token then return false end
  redis.call("HSET", connections, id, table.concat({ token, seq, details }, FIELD))
  own(token, user, id)
  if former then
    disown(token_of(former), user, id)
    return false
  end
  if redis.call("HLEN", connections) > 1 then return false end
  redis.call("ZADD", ONLINE, next_seq(), user)
  return redis.call("ZREM", GRACE, user) == 0
end

-- Removes a connection; with only_of, only one of that incarnation.
-- Returns whether the user's grace period has begun.
local function remove(user, id, grace_ms, only_of)
  local connections = key("${KEY.connections}", user)
  local record = redis.call("HGET", connections, id)
  if not record or (only_of and token_of(record) ~= only_of) then return false end
  redis.call("HDEL", connections, id)
  disown(token_of(record), user, id)
  if redis.call("EXISTS", connections) == 1 then return false end
  redis.call("ZREM", ONLINE, user)
  redis.call("ZADD", GRACE, now() + grace_ms, user)
  return true
end
`;

/** Applies the rules on a user's connections. Goes behind {@link CONNECTIONS}. */
export const RULES = lua`
-- An eviction is kept for a day, longer than any outage should last.
local EVICTIONS_SECONDS = 86400

local function connections_of(user)
  local found = {}
  local fields = redis.call("HGETALL", key("${KEY.connections}", user))
  for index = 1, #fields, 2 do
    local id, record = fields[index], fields[index + 1]
    local token, seq, platform = token_of(record), seq_of(record), platform_of(record)
    table.insert(found, { id = id, token = token, seq = seq, platform = platform, record = record })
  end
  return found
end

-- The connections that break the rules, oldest first: newer ones are kept before older ones.
local function surplus_of(user, limit, one_per_platform)
  if not one_per_platform and (limit == 0 or redis.call("HLEN", key("${KEY.connections}", user)) <= limit) then
    return {}
  end
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

-- Removes a connection for good and sends its node the command to end it: a kick, JSON, else that of a newer connection.
-- Returns whether the user's grace period has begun.
local function evict(user, connection, grace_ms, kick)
  local token, id = connection.token, connection.id
  kick = kick or cjson.encode({ kind = "kick", cause = "replaced", user = user })
  kick = string.sub(kick, 1, -2) .. ',"connection":' .. cjson.encode(id) .. "}"
  local has_left = remove(user, id, grace_ms)
  redis.call("HSET", key("${KEY.evictions}", token), user .. FIELD .. id, kick)
  redis.call("EXPIRE", key("${KEY.evictions}", token), EVICTIONS_SECONDS)
  post(token, table.concat({ "${LINE.command}", "", "", kick }, FIELD))
  return has_left
end
`;
