import { lua, type Script } from "../connection/connection.ts";
import { EXPIRY_SCHEDULE, KEY } from "../wire/keys.ts";
import { historyScript } from "./lua.ts";

export const WEIGH = historyScript(
  "weigh",
  lua`
-- Weighs channels of a partition, if Redis is nearly full and removes nothing by itself.
-- KEYS[1]  base of the partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  part of maxmemory from which Redis is nearly full
-- ARGV[3]  index of the first channel, in the order of the expiry schedule
-- ARGV[4]  number of channels
-- reply    { 0 } if Redis is not nearly full; else { 1, channel, bytes, … }
local memory = redis.call("INFO", "memory")
local used, limit = tonumber(string.match(memory, "\nused_memory:(%d+)")), tonumber(string.match(memory, "\nmaxmemory:(%d+)"))
local removes_nothing = string.find(memory, "\nmaxmemory_policy:noeviction", 1, true)
if not removes_nothing or limit == 0 or used < limit * ARGV[2] then return { 0 } end
local reply = { 1 }
local last = ARGV[3] + ARGV[4] - 1
for _, channel in ipairs(redis.call("ZRANGE", base .. ":${EXPIRY_SCHEDULE}", ARGV[3], last)) do
  local history = redis.call("EXISTS", key("${KEY.head}", channel)) == 1 and history_of(base, channel)
  local has_messages = history and history.size > 0
  reply[#reply + 1] = channel
  reply[#reply + 1] = has_messages and redis.call("MEMORY", "USAGE", list_of(history), "SAMPLES", "0") or 0
end
return reply
`,
);

export const RELIEVE = historyScript(
  "relieve",
  lua`
-- Removes the older half of a channel's messages by their bytes, at least one.
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  channel
-- reply    bytes removed
local history = history_of(base, ARGV[2])
if history.size == 0 then return 0 end
local half = redis.call("MEMORY", "USAGE", list_of(history), "SAMPLES", "0") / 2
local removed, number = 0, 0
while number < history.size and (number == 0 or removed < half) do
  removed, number = removed + #redis.call("LINDEX", list_of(history), number), number + 1
end
remember_loss(history)
trim(history, number)
return removed
`,
);

/** Scripts that make room in a full Redis, for the counters. */
export const RELIEF_SCRIPTS: readonly Script[] = [WEIGH, RELIEVE];
