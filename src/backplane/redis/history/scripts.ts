import { lua, type Script } from "../connection/connection.ts";
import { BUCKETS, KEY } from "../wire/keys.ts";
import { LINE } from "../wire/lines.ts";
import { ENTRIES, entryPattern, historyScript } from "./lua.ts";

/** Entries that READ takes at once: more would read more in vain when entries are large. */
const ENTRIES_PER_PIECE = 4;

export const READ = historyScript(
  "read",
  lua`
-- Reads a page of a channel's history, within retention.
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  channel
-- ARGV[3]  messages retained
-- ARGV[4]  age retained, ms
-- ARGV[5]  "after", "since" or "before"
-- ARGV[6]  offset; with "since" a time in ms; "" with "before": the end
-- ARGV[7]  limit
-- ARGV[8]  bytes at which the page ends; its first entry always fits
-- ARGV[9]  id of the message that is expected at the offset; "": any
-- reply    { epoch, first retained offset, last offset, offset of the first entry, { entry, … }, lost, differs }
--          entries: upwards after an offset and since a time, downwards before an offset
--          lost: 1 after the offset 0 of a history that has lost messages, else 0
--          differs: 1 when another message is at the offset than the expected one, else 0
${ENTRIES}
local channel, count, age = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local mode, offset, limit, bytes = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local history = history_of(base, channel)
local last = last_of(history)
local first = math.max(expire(history, now() - age), last - count + 1)

-- Reads entries from one offset towards another while they fit. Redis does not tell the size of an entry before it is
-- read, so the entries come in small pieces, the first one alone: at most one piece is read in vain.
local function entries_from(at, stop, step)
  local entries, size, before = {}, 0, history.start + 1
  while (stop - at) * step >= 0 and size < bytes do
    local more = math.min(#entries, ${ENTRIES_PER_PIECE - 1})
    local far = at + step * math.min(more, (stop - at) * step)
    local low, high = math.min(at, far), math.max(at, far)
    local piece = redis.call("LRANGE", list_of(history), low - before, high - before)
    for index = 1, #piece do
      local entry = piece[step > 0 and index or #piece + 1 - index]
      size = size + #entry
      if size > bytes and #entries > 0 then return entries end
      entries[#entries + 1] = entry
    end
    at = far + step
  end
  return entries
end

local is_start = mode == "after" and offset == 0
if mode == "since" then mode, offset = "after", first_above(history, first, offset - 1) - 1 end
if mode == "after" then
  local is_retained = ARGV[9] ~= "" and offset >= first and offset <= last
  local differs = is_retained and string.match(entry_at(history, offset), "${entryPattern("id")}") ~= ARGV[9]
  local from = math.max(offset + 1, first)
  local entries = entries_from(from, math.min(from + limit - 1, last), 1)
  return { epoch_of(history), first, last, from, entries, is_start and loss_of(history) and 1 or 0,
    differs and 1 or 0 }
end
local to = math.min((offset or last + 1) - 1, last)
local entries = entries_from(to, math.max(to - limit + 1, first), -1)
return { epoch_of(history), first, last, to, entries, 0, 0 }
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
-- Compares what a node has delivered with the histories in Redis. A replica that became master, or a restored snapshot,
-- may lack the newest messages, and new messages may have taken their offsets; or it may have an epoch that was replaced
-- already. Such a history continues under another epoch, and the channel's nodes get a line "lost", so that no message
-- is taken for another.
-- KEYS[1]  base of the channels' partition
-- ARGV[1]  HEAD_MS
-- ARGV[2…] of each channel: channel, epoch and offset that the node has delivered, id of that message or ""
-- reply    of each channel: epoch, last offset, offset after which the node continues
${ENTRIES}
local function is_same(history, seen, id)
  if seen > last_of(history) then return false end
  if id == "" or seen <= history.start then return true end
  return string.match(entry_at(history, seen), "${entryPattern("id")}") == id
end

-- True if the history was replaced by one of another epoch, and Redis has forgotten that.
local function is_older(history, epoch)
  local random, serial = string.match(epoch, "^(.*)%.(%d+)$")
  return random == random_part(birth_of(base)) and tonumber(serial) > tonumber(history.serial)
end

local function rotate(history)
  local channel, last = history.channel, last_of(history)
  history.serial = next_serial(base)
  rename(history)
  save(history)
  remember_loss(history, last)
  local epoch = epoch_of(history)
  for _, token in ipairs(receivers_of(base, channel)) do
    post(token, "${LINE.lost}" .. FIELD .. channel .. FIELD .. epoch .. FIELD .. last)
  end
end

local reply = {}
for index = 2, #ARGV, 4 do
  local channel, seen_epoch, seen, id = ARGV[index], ARGV[index + 1], tonumber(ARGV[index + 2]), ARGV[index + 3]
  local history = history_of(base, channel)
  local from = seen
  local is_known = epoch_of(history) == seen_epoch
  if is_known and not is_same(history, seen, id) or is_older(history, seen_epoch) then
    rotate(history)
    from = last_of(history)
  elseif not is_known then
    from = loss_of(history) or 0
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
-- ARGV[3]  ages by channel, JSON; "": all have the same
-- ARGV[4]  maximum number of channels
-- reply    number of channels visited
${ENTRIES}
local time, limit = now(), ARGV[4]
local age_of = ages_by(tonumber(ARGV[2]), ARGV[3])
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
    local history, age = history_of(base, channel), age_of(channel)
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
-- Retention by count and bytes: removes the oldest entries of a list that is too long or too large. Redis counts the
-- bytes of a list in some microseconds, but not of its entries, so the oldest ones are read for their sizes.
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  channel
-- ARGV[3]  messages retained
-- ARGV[4]  maximum length of a list
-- ARGV[5]  bytes retained
-- reply    nil
local history, bytes = history_of(base, ARGV[2]), tonumber(ARGV[5])
if history.size > tonumber(ARGV[4]) then trim(history, history.size - tonumber(ARGV[3])) end
if history.size < 2 then return end
local excess = redis.call("MEMORY", "USAGE", list_of(history), "SAMPLES", "0") - bytes
if excess <= 0 then return end

-- An eighth more than the excess: trimming costs more than appending.
excess = excess + bytes / 8
local number = 0
while excess > 0 and number < history.size - 1 do
  local piece = redis.call("LRANGE", list_of(history), number, number + ${ENTRIES_PER_PIECE - 1})
  for _, entry in ipairs(piece) do
    if excess > 0 and number < history.size - 1 then
      excess, number = excess - #entry, number + 1
    end
  end
end
trim(history, number)
`,
);

/** Scripts on histories, for the counters. */
export const HISTORY_SCRIPTS: readonly Script[] = [READ, POSITIONS, VERIFY, EXPIRE, TRIM];
