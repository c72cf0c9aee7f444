/** A Lua script that Redis runs atomically on one partition. */
export interface Script {
  /** As metrics and errors name it. */
  readonly name: string;
  readonly lua: string;
}

/**
 * What every script may use. KEYS[1] is the base of a partition: `<prefix>{n}`. A script builds the names of its keys, all
 * of them in that partition, so on Redis Cluster they are where KEYS[1] is.
 */
const PRELUDE = `
local base = KEYS[1]
local prefix = string.match(base, "^(.*){%d+}$")
local FIELD = "\\31"

local function key(kind, name) return base .. ":" .. kind .. ":" .. name end

local function post(token, line) redis.call("PUBLISH", prefix .. "inbox:" .. token, "1\\n" .. line) end

local function cast(line) redis.call("PUBLISH", prefix .. "cast", "1\\n" .. line) end

local function now()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The nodes that have members of a channel.
local function nodes_of(at, channel) return redis.call("HKEYS", at .. ":d:" .. channel) end

-- Tells the nodes that have cached a channel's nodes that these have changed. Who was told is known for a while (settling.ts).
local function invalidate(channel)
  local readers, told = key("r", channel), redis.call("SMEMBERS", key("r", channel))
  if #told == 0 then return end
  for _, token in ipairs(told) do post(token, "I" .. FIELD .. channel) end
  redis.call("RENAME", readers, key("q", channel))
  redis.call("PEXPIRE", key("q", channel), 10000)
end

-- An incarnation that was declared dead must not add anything to what is being cleared up.
local function is_fenced(token) return redis.call("EXISTS", key("f", token)) == 1 end
`;

export const script = (name: string, lua: string): Script => ({ name, lua: PRELUDE + lua });

/** The error reply of a script to an incarnation that was declared dead: `return redis.error_reply("FENCED")`. */
export const FENCED = "FENCED";
