import { lua, type Script } from "../connection/connection.ts";
import { BUCKETS, KEY } from "../wire/keys.ts";
import { LINE } from "../wire/lines.ts";
import { entryPattern, historyScript } from "./lua.ts";

export const READ = historyScript(
  "read",
  lua`
-- Reads a page of a channel's history, within retention.
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  channel
-- ARGV[3]  messages retained
-- ARGV[4]  age retained, ms
-- ARGV[5]  "after" or "before"
-- ARGV[6]  offset; "" with "before": the end
-- ARGV[7]  limit
-- reply    { epoch, first retained offset, last offset, offset of the first entry, { entry, … } }
local channel, count, age = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local mode, offset, limit = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local history = history_of(base, channel)
local last = last_of(history)
local first = math.max(expire(history, now() - age), last - count + 1)
local from, to
if mode == "after" then
  from = math.max(offset + 1, first)
  to = math.min(from + limit - 1, last)
else
  to = math.min((offset or last + 1) - 1, last)
  from = math.max(to - limit + 1, first)
end
local before = history.start + 1
local entries = from <= to and redis.call("LRANGE", list_of(history), from - before, to - before) or {}
return { epoch_of(history), first, last, from, entries }
`,
);

export const POSITIONS = historyScript(
  "positions",
  lua`
-- Reads the positions of channels.
-- KEYS[1]  base of the channels' partition
-- ARGV[1]  HEAD_MS
-- ARGV[2…] channels
-- reply    of each channel: epoch, last offset
local reply = {}
for index = 2, #ARGV do
  local history = history_of(base, ARGV[index])
  reply[#reply + 1] = epoch_of(history)
  reply[#reply + 1] = last_of(history)
end
return reply
`,
);

export const VERIFY = historyScript(
  "verify",
  lua`
-- Compares what a node has delivered with the histories in Redis. A replica that became master may lack the newest
-- messages, and new messages may have taken their offsets. Such a history continues under another epoch, and the
-- channel's nodes get a line "lost", so that no message is taken for another.
-- KEYS[1]  base of the channels' partition
-- ARGV[1]  HEAD_MS
-- ARGV[2…] of each channel: channel, epoch and offset that the node has delivered, id of that message or ""
-- reply    of each channel: epoch, last offset, offset after which the node continues
local function is_same(history, seen, id)
  if seen > last_of(history) then return false end
  if id == "" or seen <= history.start then return true end
  return string.match(entry_at(history, seen), "${entryPattern("id")}") == id
end

local function rotate(history)
  local channel, last = history.channel, last_of(history)
  history.serial = next_serial(base)
  rename(history)
  save(history)
  redis.call("DEL", key("${KEY.cursors}", channel))
  local epoch = epoch_of(history)
  redis.call("SET", key("${KEY.rotation}", channel), epoch .. " " .. last, "PX", HEAD_MS)
  for _, token in ipairs(nodes_of(base, channel)) do
    post(token, "${LINE.lost}" .. FIELD .. channel .. FIELD .. epoch .. FIELD .. last)
  end
end

local reply = {}
for index = 2, #ARGV, 4 do
  local channel, seen_epoch, seen, id = ARGV[index], ARGV[index + 1], tonumber(ARGV[index + 2]), ARGV[index + 3]
  local history = history_of(base, channel)
  local from = seen
  if epoch_of(history) ~= seen_epoch then
    local rotation = redis.call("GET", key("${KEY.rotation}", channel))
    local rotated, at = string.match(rotation or "", "^(.*) (%d+)$")
    from = rotated == epoch_of(history) and tonumber(at) or 0
  elseif not is_same(history, seen, id) then
    rotate(history)
    from = last_of(history)
  end
  reply[#reply + 1] = epoch_of(history)
  reply[#reply + 1] = last_of(history)
  reply[#reply + 1] = from
end
return reply
`,
);

export const EXPIRE = historyScript(
  "age",
  lua`
-- Retention by age: removes old entries of the channels whose time in the schedule has come, and forgets histories
-- that have been empty for long.
-- KEYS[1]  base of the partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  age retained, ms
-- ARGV[3]  maximum number of channels
-- reply    number of channels visited
local age, time, limit = tonumber(ARGV[2]), now(), ARGV[3]
local schedule = schedule_of(base)

-- Forgets a history that has been empty for long. Its epoch is never used again.
local function forget(channel)
  redis.call("DEL", key("${KEY.head}", channel), key("${KEY.cursors}", channel), key("${KEY.rotation}", channel))
  redis.call("HSET", base .. ":${BUCKETS}", bucket_of(channel), next_serial(base))
  redis.call("ZREM", schedule, channel)
end

local scheduled = redis.call("ZRANGEBYSCORE", schedule, "-inf", time, "LIMIT", 0, limit)
for _, channel in ipairs(scheduled) do
  local head = redis.call("GET", key("${KEY.head}", channel))
  if head and string.match(head, " 0$") then
    forget(channel)
  else
    local history = history_of(base, channel)
    expire(history, time - age)
    if history.size > 0 then
      -- The next visit is an eighth of the age away at least, so that messages which expire one by one share a visit.
      local next = math.max(timestamp_at(history, history.start + 1) + age, time + age / 8)
      redis.call("ZADD", schedule, next, channel)
    end
  end
end
return #scheduled
`,
);

export const TRIM = historyScript(
  "cut",
  lua`
-- Retention by count: removes the oldest entries of a list that is too long.
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  channel
-- ARGV[3]  messages retained
-- ARGV[4]  maximum length of a list
-- reply    nil
local history = history_of(base, ARGV[2])
if history.size > tonumber(ARGV[4]) then trim(history, history.size - tonumber(ARGV[3])) end
`,
);

/** Scripts on histories, for the counters. */
export const HISTORY_SCRIPTS: readonly Script[] = [READ, POSITIONS, VERIFY, EXPIRE, TRIM];
