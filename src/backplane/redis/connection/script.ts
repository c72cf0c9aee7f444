import { createHash } from "node:crypto";
import { BIRTH_KEY, CAST, INBOUND, KEY, LIST_KEY, SERIAL_KEY } from "../wire/keys.ts";
import { FIELD, LINE, NEWLINE, VERSION } from "../wire/lines.ts";
import { lua, luaEscapes } from "./lua.ts";

/** A Lua script that Redis runs atomically on one partition. */
export interface Script {
  /** Name in metrics and errors. */
  readonly name: string;
  readonly lua: string;
  /** SHA-1 of the source in hex: the name under which Redis keeps it. */
  readonly digest: string;
}

/**
 * Lua at the start of every script. KEYS[1] is the base of a partition: `<prefix>{n}`. A script builds the names of its
 * other keys from the base, so on Redis Cluster one master has all of them.
 */
const PRELUDE = lua`
local base = KEYS[1]
local prefix = string.match(base, "^(.*){%d+}$")
local FIELD = "${luaEscapes(FIELD)}"
local OPENING = "${VERSION}${luaEscapes(NEWLINE)}"

local function key(kind, name) return base .. ":" .. kind .. ":" .. name end

local function post(token, line) redis.call("PUBLISH", prefix .. "${INBOUND}" .. token, OPENING .. line) end

local function cast(line) redis.call("PUBLISH", prefix .. "${CAST}", OPENING .. line) end

local function now()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The nodes that have members of a channel.
local function nodes_of(at, channel) return redis.call("HKEYS", at .. ":${KEY.nodes}:" .. channel) end

-- Head of a history: its serial number, the offset before its list, and the stamp of the list (history/lua.ts).
local HEAD = "^(%d+) (%d+) (%d+)$"

local function head_of(serial, start, stamp) return serial .. " " .. start .. " " .. stamp end

-- The key of a list, as listKey builds it.
local function list_at(at, channel, birth, stamp)
  local kind = "${KEY.list}"
  return table.concat({ at, ${LIST_KEY.join(", ")} }, ":")
end

-- Renames the list of a channel's history. A node with an outdated append target then finds no list under its key.
local function restamp(channel)
  local serial, start, stamp = string.match(redis.call("GET", key("${KEY.head}", channel)) or "", HEAD)
  if not stamp or stamp == "0" then return end
  local birth = redis.call("GET", base .. ":${BIRTH_KEY}")
  local former = list_at(base, channel, birth, stamp)
  if redis.call("EXISTS", former) == 0 then return end
  local renamed = redis.call("INCR", base .. ":${SERIAL_KEY}")
  redis.call("RENAME", former, list_at(base, channel, birth, renamed))
  redis.call("SET", key("${KEY.head}", channel), head_of(serial, start, renamed), "KEEPTTL")
end

-- Sends the invalidation of a channel's route to all nodes that cache it. Redis keeps their tokens for 10 s, so that
-- another script can ask them to confirm it.
local function invalidate(channel)
  restamp(channel)
  local key_of_subscribers = key("${KEY.subscribers}", channel)
  local subscribers = redis.call("SMEMBERS", key_of_subscribers)
  if #subscribers == 0 then return end
  for _, token in ipairs(subscribers) do post(token, "${LINE.invalidate}" .. FIELD .. channel) end
  redis.call("RENAME", key_of_subscribers, key("${KEY.invalidated}", channel))
  redis.call("PEXPIRE", key("${KEY.invalidated}", channel), 10000)
end

-- True for a node that was declared dead: such a node must not add data while another node removes its data.
local function is_fenced(token) return redis.call("EXISTS", key("${KEY.fence}", token)) == 1 end
`;

/**
 * Comments and empty lines. Redis gets scripts without them: the longest script must fit in front of a large payload
 * ({@link PackedCommand}).
 */
const COMMENTS = /^\s*(--.*)?\n/gm;

/** Makes a script. @param body Lua after {@link PRELUDE}. Each comment MUST have a line of its own, without code */
export function script(name: string, body: string): Script {
  const source = (PRELUDE + body).replace(COMMENTS, "");
  return { name, lua: source, digest: createHash("sha1").update(source).digest("hex") };
}

/** The error reply of a script to a node that was declared dead: `return redis.error_reply("FENCED")`. */
export const FENCED = "FENCED";
