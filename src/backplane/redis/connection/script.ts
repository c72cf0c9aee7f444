import { createHash } from "node:crypto";
import { CAST, FORMER_KEY, INBOUND, KEY, LIST_KEY, RANDOM_LENGTH, SERIAL_KEY } from "../wire/keys.ts";
import { FIELD, LINE, NEWLINE, VERSION } from "../wire/lines.ts";
import { lua, luaEscapes } from "./lua.ts";

/** The error reply of a script to a node that was declared dead: `return redis.error_reply("FENCED")`. */
export const FENCED = "FENCED";
/** The error reply of every script in a partition whose birth is absent, or is not the one that the node expects. */
export const LOST = "LOSTPARTITION";

/** A Lua script that Redis runs atomically on one partition. */
export interface Script {
  /** Name in metrics and errors. */
  readonly name: string;
  readonly lua: string;
  /** SHA-1 of the source in hex: the name under which Redis keeps it. */
  readonly digest: string;
  /** False for a script that runs whatever the partition's birth is. */
  readonly checksBirth: boolean;
  /** True for a script whose calls must not overtake each other. */
  readonly isOrdered: boolean;
}

/**
 * Lua at the start of every script. KEYS[1] is the base of a partition, KEYS[2] the key of the partition's birth
 * (run-script.ts). A script builds the names of its other keys from the base, so on Redis Cluster one master has all of
 * them.
 *
 * No key has the name of the base. So while the partition's slot moves to another master, a declared key is missing on
 * either master, and Redis answers ASK, MOVED or TRYAGAIN: a script never sees half of a partition. Outside of such a
 * move the birth tells an empty key from lost data.
 *
 * The last two arguments are for the prelude, which takes them off ARGV: the birth that the node expects ("" for any),
 * and the beginning of the names of Pub/Sub channels.
 */
const PRELUDE = lua`
if redis.replicate_commands then redis.replicate_commands() end
local base = KEYS[1]
local CHANNELS = table.remove(ARGV)
local BIRTH = table.remove(ARGV)
if BIRTH ~= "" and redis.call("GET", KEYS[2]) ~= BIRTH then return redis.error_reply("${LOST}") end
local FIELD = "${luaEscapes(FIELD)}"
local OPENING = "${VERSION}${luaEscapes(NEWLINE)}"

local function key(kind, name) return base .. ":" .. kind .. ":" .. name end

local function inbound_of(token) return CHANNELS .. "${INBOUND}" .. token end

local function post(token, line) redis.call("PUBLISH", inbound_of(token), OPENING .. line) end

local function cast(line) redis.call("PUBLISH", CHANNELS .. "${CAST}", OPENING .. line) end

-- The time by the clock of Redis, in milliseconds since 1970. It decides about every shared age, window and lifetime.
local time_of_call

local function now()
  if not time_of_call then
    local time = redis.call("TIME")
    time_of_call = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return time_of_call
end

-- The nodes that have members of a channel.
local function nodes_of(at, channel) return redis.call("HKEYS", at .. ":${KEY.nodes}:" .. channel) end

-- Head of a history: its serial number, the offset before its list, and the stamp of the list (history/lua.ts).
local HEAD = "^(%d+) (%d+) (%d+)$"

local function head_of(serial, start, stamp) return serial .. " " .. start .. " " .. stamp end

local function random_part(birth) return string.sub(birth, -${RANDOM_LENGTH}) end

-- The key of a list, as listKey builds it.
local function list_at(at, channel, birth, stamp)
  local kind, random = "${KEY.list}", random_part(birth)
  return table.concat({ at, ${LIST_KEY.join(", ")} }, ":")
end

-- A serial number that the partition has not given before: the time in milliseconds, or one more than the last number
-- where that is more. A plain counter would give numbers twice after a restore from an older state, and make two
-- histories one.
local function next_serial(at)
  local counter, time = at .. ":${SERIAL_KEY}", now()
  local serial = redis.call("INCR", counter)
  if serial >= time then return serial end
  redis.call("SET", counter, time)
  return time
end

-- Renames the list of a channel's history. A node with an outdated append target then finds no list under its key.
local function restamp(channel)
  local serial, start, stamp = string.match(redis.call("GET", key("${KEY.head}", channel)) or "", HEAD)
  if not stamp or stamp == "0" then return end
  local former = list_at(base, channel, BIRTH, stamp)
  if redis.call("EXISTS", former) == 0 then return end
  local renamed = next_serial(base)
  redis.call("RENAME", former, list_at(base, channel, BIRTH, renamed))
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
 * Comments, empty lines and indentation. Redis gets scripts without them: the longest script must fit in front of a large
 * payload ({@link PackedCommand}).
 */
const UNSENT = /^\s*(?:--.*\n|\n)?/gm;

/**
 * Lua that lets a script write in a full Redis. Redis refuses the first write of a script if the command may need
 * memory, and checks no later one. PERSIST needs none and changes nothing here. Its failure is ignored: a Redis that
 * refuses all writes still runs a script that only reads.
 */
const WHEN_FULL = lua`
redis.pcall("PERSIST", KEYS[2])
`;

export interface ScriptOptions {
  /**
   * True for a script that stores what a client or the application gives: a full Redis refuses it. All others go on:
   * they read, they free memory, or they keep the little that logins, joins and acknowledgements need. @default false
   */
  readonly stores?: boolean;
  /** False for a script that runs whatever the partition's birth is. @default true */
  readonly checksBirth?: boolean;
  /**
   * True for a script whose calls must not overtake each other: one that Redis does not know is not repeated behind later
   * ones, but fails with {@link ScriptForgotten}. @default false
   */
  readonly isOrdered?: boolean;
}

/** Makes a script. @param body Lua after {@link PRELUDE}. Each comment MUST have a line of its own, without code */
export function script(
  name: string,
  body: string,
  { checksBirth = true, stores = false, isOrdered = false }: ScriptOptions = {},
): Script {
  const source = (PRELUDE + (stores ? "" : WHEN_FULL) + body).replace(UNSENT, "");
  return {
    name,
    lua: source,
    digest: createHash("sha1").update(source).digest("hex"),
    checksBirth,
    isOrdered,
  };
}

/** Length of the text with the births of former data of a partition, the last one first. What is cut off names nothing. */
const FORMER_LENGTH = 200;

/**
 * Reads the birth of a partition's data. Where there is none, the data are new, or were lost: they get a name, and all
 * nodes hear it, so that those that know another one announce again what they have.
 *
 * Births rise. Where a node knows a later one than Redis has, Redis has gone back to an older state, and what was stored
 * since is lost. Clients that were away meanwhile have positions that fit to this state, and would never learn of the loss.
 * So the data get another birth, and with it every history another epoch.
 */
export const OPEN = script(
  "open",
  lua`
-- KEYS[1]  base of a partition
-- ARGV[1]  random part of a new birth
-- ARGV[2]  number of the partition
-- ARGV[3]  the birth that the node knows, or ""
-- reply    the birth in force
local function time_in(birth) return tonumber(string.match(birth, "^(%x+)-") or "0", 16) end

local present, known = redis.call("GET", KEYS[2]), time_in(ARGV[3])
if present and time_in(present) >= known then return present end
local birth = string.format("%x-%s", math.max(now(), known + 1), ARGV[1])
redis.call("SET", KEYS[2], birth)
redis.call("SETNX", base .. ":${SERIAL_KEY}", 1)
if present then
  local former = present .. " " .. (redis.call("GET", base .. ":${FORMER_KEY}") or "")
  redis.call("SET", base .. ":${FORMER_KEY}", string.sub(former, 1, ${FORMER_LENGTH}))
end
cast("${LINE.birth}" .. FIELD .. ARGV[2] .. FIELD .. birth)
return birth
`,
  { checksBirth: false },
);

/** Compares the birth that the node expects with the one in Redis, as every script does. */
export const COMPARE = script(
  "compare",
  lua`
-- KEYS[1]  base of a partition
-- reply    1
return 1
`,
);

/** Scripts on the identity of partitions, for the counters. */
export const PARTITION_SCRIPTS: readonly Script[] = [OPEN, COMPARE];
