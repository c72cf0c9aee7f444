import { script } from "./connection/connection.ts";

/**
 * The registry is in one partition. Its only clock is that of Redis.
 *
 * | key | what |
 * | --- | --- |
 * | `nodes` | incarnations by their last heartbeat |
 * | `node` | incarnation → JSON that describes the node |
 * | `dying` | incarnations that are gone, until everything they had is cleared up |
 * | `since` | when a node was heard again after none could be |
 */
const REGISTRY_LUA = `
local nodes, node, dying = base .. ":nodes", base .. ":node", base .. ":dying"

-- From when on silence counts: nobody can be heard while Redis is away, and its return must not find everyone dead.
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

/**
 * Puts an incarnation into the registry, unless it was declared dead.
 * ARGV: token, description, node id, longest pause of all nodes together. Answers nothing when it was; else the token, then
 * all other incarnations that go by the same node id.
 */
export const REGISTER = script(
  "register",
  `${REGISTRY_LUA}
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

/**
 * A heartbeat. Declares dead whoever was silent for too long, and an earlier incarnation of the same node sooner.
 * ARGV: token, description, node id, longest silence, longest silence of an earlier incarnation (and of all nodes
 * together). Answers nothing when the
 * incarnation is not in the registry; else who is to be cleared up after, then "", then token and description of each that
 * was declared dead by this call.
 */
export const BEAT = script(
  "beat",
  `${REGISTRY_LUA}
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
local answer = redis.call("SMEMBERS", dying)
table.insert(answer, "")
for _, part in ipairs(declared) do table.insert(answer, part) end
return answer
`,
);

/** Takes an incarnation out of the registry; what it has is to be cleared up. ARGV: token. Answers 1 if it was there. */
export const BURY = script("bury", `${REGISTRY_LUA} return bury(ARGV[1])`);

/** Everything that an incarnation had is cleared up. ARGV: token. */
export const FORGET = script("forget", `${REGISTRY_LUA} redis.call("SREM", dying, ARGV[1])`);

/** Descriptions of all incarnations, those heard of last first. */
export const LIST_NODES = script(
  "nodes",
  `${REGISTRY_LUA}
local descriptions = {}
for _, token in ipairs(redis.call("ZREVRANGE", nodes, 0, -1)) do
  local description = redis.call("HGET", node, token)
  if description then table.insert(descriptions, description) end
end
return descriptions
`,
);

/** How an incarnation describes itself. ARGV: token. Nothing when it is not in the registry. */
export const DESCRIBE = script("describe", `${REGISTRY_LUA} return redis.call("HGET", node, ARGV[1])`);

/** Sends a line to a node, also while this one returns. ARGV: token, line. */
export const TELL = script("tell", "post(ARGV[1], ARGV[2])");

export const REGISTRY_SCRIPTS = [REGISTER, BEAT, BURY, FORGET, LIST_NODES, DESCRIBE, TELL] as const;
