import { createHash } from "node:crypto";

/** A Lua script that Redis runs atomically on one partition. */
export interface Script {
  /** As metrics and errors name it. */
  readonly name: string;
  readonly lua: string;
  /** By which Redis knows it, once it has seen it: SHA-1 of the text, in hex. */
  readonly digest: string;
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

-- What a history's head says: its serial number, the offset before its list, and the list's stamp (history-lua.ts).
local HEAD = "^(%d+) (%d+) (%d+)$"

local function list_at(at, channel, birth, stamp) return at .. ":h:" .. channel .. ":" .. birth .. ":" .. stamp end

-- Gives the list of a channel's history another name, so that no message is added by who does not know of a change.
local function restamp(channel)
  local serial, start, stamp = string.match(redis.call("GET", key("m", channel)) or "", HEAD)
  if not stamp or stamp == "0" then return end
  local birth = redis.call("GET", base .. ":birth")
  local former = list_at(base, channel, birth, stamp)
  if redis.call("EXISTS", former) == 0 then return end
  local renamed = redis.call("INCR", base .. ":serial")
  redis.call("RENAME", former, list_at(base, channel, birth, renamed))
  redis.call("SET", key("m", channel), serial .. " " .. start .. " " .. renamed, "KEEPTTL")
end

-- Has everybody who remembers a channel's nodes learn that these have changed: those who asked for them are told, and it is known
-- for a while that they were (routing/invalidation.ts).
local function invalidate(channel)
  restamp(channel)
  local readers, told = key("r", channel), redis.call("SMEMBERS", key("r", channel))
  if #told == 0 then return end
  for _, token in ipairs(told) do post(token, "I" .. FIELD .. channel) end
  redis.call("RENAME", readers, key("q", channel))
  redis.call("PEXPIRE", key("q", channel), 10000)
end

-- An incarnation that was declared dead must not add anything to what is being cleared up.
local function is_fenced(token) return redis.call("EXISTS", key("f", token)) == 1 end
`;

export function script(name: string, body: string): Script {
  const lua = PRELUDE + body;
  return { name, lua, digest: createHash("sha1").update(lua).digest("hex") };
}

/** The error reply of a script to an incarnation that was declared dead: `return redis.error_reply("FENCED")`. */
export const FENCED = "FENCED";
