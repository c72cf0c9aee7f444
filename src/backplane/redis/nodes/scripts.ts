import { lua, script } from "../connection/connection.ts";

/**
 * Lua pieces that the scripts of the registry share. The registry is in one partition; its only clock is that of Redis.
 *
 * | key | content |
 * | --- | --- |
 * | `nodes` | incarnations by their last heartbeat, in milliseconds since 1970 |
 * | `node` | incarnation → JSON that describes the node |
 * | `dying` | incarnations that are gone, until everything they owned is cleared |
 * | `since` | time of the first heartbeat after Redis was unavailable |
 */
const REGISTRY_LUA = lua`
local nodes, node, dying = base .. ":nodes", base .. ":node", base .. ":dying"

-- Time from which silence counts. No heartbeat arrives while Redis is unavailable, so its recovery must not find every
-- node dead.
local function listening_since(time, longest_pause)
  local newest = redis.call("ZREVRANGE", nodes, 0, 0, "WITHSCORES")[2]
  if newest and time - newest > tonumber(longest_pause) then redis.call("SET", base .. ":since", time) end
  return tonumber(redis.call("GET", base .. ":since") or 0)
end

local function bury(token)
  local was_there = redis.call("ZREM", nodes, token)
  redis.call("HDEL", node, token)
  redis.call("SADD", dying, token)
  return was_there
end
`;

/** Registers an incarnation, unless it was declared dead. */
export const REGISTER = script(
  "register",
  lua`
-- KEYS[1]  base of the partition of the registry
-- ARGV[1]  token
-- ARGV[2]  description, JSON
-- ARGV[3]  node id
-- ARGV[4]  longest pause between any two heartbeats of the cluster, in milliseconds
-- reply    {} when the incarnation was declared dead; else { token, then other incarnations with the same node id }
${REGISTRY_LUA}
local token, id = ARGV[1], ARGV[3]
if is_fenced(token) or redis.call("SISMEMBER", dying, token) == 1 then return {} end
local time = now()
listening_since(time, ARGV[4])
redis.call("ZADD", nodes, time, token)
redis.call("HSET", node, token, ARGV[2])
local found = { token }
local described = redis.call("HGETALL", node)
for index = 1, #described, 2 do
  local is_namesake = cjson.decode(described[index + 1]).id == id
  if is_namesake and described[index] ~= token then table.insert(found, described[index]) end
end
return found
`,
);

/** A heartbeat. Declares incarnations dead that were silent for too long, earlier ones of the same node sooner. */
export const BEAT = script(
  "beat",
  lua`
-- KEYS[1]  base of the partition of the registry
-- ARGV[1]  token
-- ARGV[2]  description, JSON
-- ARGV[3]  node id
-- ARGV[4]  longest silence of a node, in milliseconds
-- ARGV[5]  longest silence of an earlier incarnation of this node, and of all nodes together, in milliseconds
-- reply    {} when the incarnation is not registered; else { tokens to clear, "", then token and description of each
--          incarnation that this call declared dead }
${REGISTRY_LUA}
local token, id = ARGV[1], ARGV[3]
local time = now()
if not redis.call("ZSCORE", nodes, token) then return {} end
local since = listening_since(time, ARGV[5])
redis.call("ZADD", nodes, time, token)
redis.call("HSET", node, token, ARGV[2])

local declared = {}
local function declare(silent)
  table.insert(declared, silent)
  table.insert(declared, redis.call("HGET", node, silent) or "{}")
  bury(silent)
end
local function silent_for(longest)
  if time - since < tonumber(longest) then return {} end
  return redis.call("ZRANGEBYSCORE", nodes, "-inf", time - longest)
end
for _, silent in ipairs(silent_for(ARGV[4])) do declare(silent) end
for _, silent in ipairs(silent_for(ARGV[5])) do
  local description = redis.call("HGET", node, silent)
  if description and cjson.decode(description).id == id then declare(silent) end
end
local reply = redis.call("SMEMBERS", dying)
table.insert(reply, "")
for _, part in ipairs(declared) do table.insert(reply, part) end
return reply
`,
);

/** Removes an incarnation from the registry; what it owns is to be cleared. */
export const BURY = script(
  "bury",
  lua`
-- KEYS[1]  base of the partition of the registry
-- ARGV[1]  token
-- reply    1 when it was registered, else 0
${REGISTRY_LUA}
return bury(ARGV[1])
`,
);

/** Records that everything an incarnation owned is cleared. */
export const FORGET = script(
  "forget",
  lua`
-- KEYS[1]  base of the partition of the registry
-- ARGV[1]  token
-- reply    nil
${REGISTRY_LUA}
redis.call("SREM", dying, ARGV[1])
`,
);

/** Reads the descriptions of all incarnations. */
export const LIST_NODES = script(
  "nodes",
  lua`
-- KEYS[1]  base of the partition of the registry
-- reply    three of each, the latest heartbeat first: token, description, milliseconds since the heartbeat
${REGISTRY_LUA}
local found, time = {}, now()
local beats = redis.call("ZREVRANGE", nodes, 0, -1, "WITHSCORES")
for index = 1, #beats, 2 do
  local description = redis.call("HGET", node, beats[index])
  if description then
    table.insert(found, beats[index])
    table.insert(found, description)
    table.insert(found, time - beats[index + 1])
  end
end
return found
`,
);

/** Reads the description of an incarnation. */
export const DESCRIBE = script(
  "describe",
  lua`
-- KEYS[1]  base of the partition of the registry
-- ARGV[1]  token
-- reply    description, or nil when it is not registered
${REGISTRY_LUA}
return redis.call("HGET", node, ARGV[1])
`,
);

export const REGISTRY_SCRIPTS = [REGISTER, BEAT, BURY, FORGET, LIST_NODES, DESCRIBE] as const;
