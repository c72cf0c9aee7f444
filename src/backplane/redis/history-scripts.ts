import { APPEND } from "./append-script.ts";
import type { Script } from "./connection/connection.ts";
import { historyScript } from "./history-lua.ts";

/**
 * Reads a page. ARGV after the two: channel, count, age, time, "after" or "before", offset ("" for the end), limit.
 * Answers: epoch, first retained offset, last offset, offset of the first message, messages.
 */
export const READ = historyScript(
  "read",
  `
local channel, count, age, time = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local mode, offset, limit = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
local history = history_of(base, channel)
local last = last_of(history)
local first = math.max(drop_expired(history, time - age), last - count + 1)
local from, to
if mode == "after" then
  from = math.max(offset + 1, first)
  to = math.min(from + limit - 1, last)
else
  to = math.min((offset or last + 1) - 1, last)
  from = math.max(to - limit + 1, first)
end
local before = history.start + 1
local found = from <= to and redis.call("LRANGE", list_of(history), from - before, to - before) or {}
return { epoch_of(history), first, last, from, found }
`,
);

/** ARGV after the two: channels. Answers epoch and last offset of each. */
export const POSITIONS = historyScript(
  "positions",
  `
local answer = {}
for index = 3, #ARGV do
  local history = history_of(base, ARGV[index])
  answer[#answer + 1] = epoch_of(history)
  answer[#answer + 1] = last_of(history)
end
return answer
`,
);

/**
 * Compares what a node has delivered with what Redis has. A replica that became master may lack the newest messages, and others may
 * have taken their offsets: then the history goes on under another epoch, so that nobody takes the one for the other.
 * ARGV after the two: channel, epoch and offset that the node has come to, the id of that message or "", and so on.
 * Answers for each: epoch, last offset, and after which offset of that epoch the node goes on. Tells the channel's nodes of a change.
 */
export const VERIFY = historyScript(
  "verify",
  `
local function is_same(history, seen, id)
  if seen > last_of(history) then return false end
  if id == "" or seen <= history.start then return true end
  return string.match(line_at(history, seen), "^[^\\31]+") == id
end

local function rotate(history)
  local channel, last = history.channel, last_of(history)
  history.serial = next_serial(base)
  rename(history)
  save(history)
  redis.call("DEL", key("a", channel))
  local epoch = epoch_of(history)
  redis.call("SET", key("x", channel), epoch .. " " .. last, "PX", HEAD_MS)
  for _, token in ipairs(nodes_of(base, channel)) do
    post(token, "L" .. FIELD .. channel .. FIELD .. epoch .. FIELD .. last)
  end
end

local answer = {}
for index = 3, #ARGV, 4 do
  local channel, seen_epoch, seen, id = ARGV[index], ARGV[index + 1], tonumber(ARGV[index + 2]), ARGV[index + 3]
  local history = history_of(base, channel)
  local from = seen
  if epoch_of(history) ~= seen_epoch then
    local rotated, at = string.match(redis.call("GET", key("x", channel)) or "", "^(.*) (%d+)$")
    from = rotated == epoch_of(history) and tonumber(at) or 0
  elseif not is_same(history, seen, id) then
    rotate(history)
    from = last_of(history)
  end
  answer[#answer + 1] = epoch_of(history)
  answer[#answer + 1] = last_of(history)
  answer[#answer + 1] = from
end
return answer
`,
);

/**
 * Takes messages out that are too old, of channels that are due for a look. ARGV after the two: age, time, how many channels.
 * Answers how many it has looked at.
 */
export const AGE = historyScript(
  "age",
  `
local age, time, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local aging = base .. ":aging"
local due = redis.call("ZRANGEBYSCORE", aging, "-inf", time, "LIMIT", 0, limit)
for _, channel in ipairs(due) do
  local history = redis.call("EXISTS", key("m", channel)) == 1 and history_of(base, channel)
  if history then drop_expired(history, time - age) end
  if history and history.size > 0 then
    -- Never sooner than an eighth of the age from now: what is left may be about to expire, one message after the other.
    local next = math.max(timestamp_at(history, history.start + 1) + age, time + age / 8)
    redis.call("ZADD", aging, next, channel)
  else
    redis.call("ZREM", aging, channel)
  end
end
return #due
`,
);

/** Takes the oldest messages out of a list that has become too long. ARGV after the two: channel, count, from which length on. */
export const CUT = historyScript(
  "cut",
  `
local history = history_of(base, ARGV[3])
if history.size > tonumber(ARGV[5]) then cut(history, history.size - tonumber(ARGV[4])) end
`,
);

/** All of them, for the counters. */
export const HISTORY_SCRIPTS: readonly Script[] = [APPEND, READ, POSITIONS, VERIFY, AGE, CUT];
