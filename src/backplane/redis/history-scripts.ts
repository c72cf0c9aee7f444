import { script } from "./script.ts";

/** Lua that all scripts on histories share. `at` is the base of the channel's partition. */
const HISTORY = `
-- The history's epoch, last offset, and when lifetimes were last set. One that was never begun, or was lost, begins under the
-- epoch that is offered.
local function open(at, channel, offered, ttl)
  local head = at .. ":m:" .. channel
  local epoch, last, touched = unpack(redis.call("HMGET", head, "e", "l", "t"))
  if epoch then return epoch, tonumber(last), tonumber(touched) end
  redis.call("DEL", at .. ":h:" .. channel, at .. ":a:" .. channel)
  redis.call("HSET", head, "e", offered, "l", 0)
  redis.call("PEXPIRE", head, ttl)
  return offered, 0
end
`;

/**
 * Appends a batch. ARGV: own token, count, age, lifetime of a history's head, time, offered epoch, idempotency window, then for each
 * message its partition, channel, line, timestamp and idempotency key. KEYS[1] is the base of the first one's partition; on
 * Redis Cluster all of a batch are of that one.
 * One line of text for each: "offset epoch nodes own", the number of other nodes it was sent to and whether it was to this one;
 * for a repeat "= offset epoch id timestamp".
 */
export const APPEND = script(
  "append",
  `${HISTORY}
local token, count, age, ttl, time, offered, window = unpack(ARGV, 1, 7)
age, ttl, time, window = tonumber(age), tonumber(ttl), tonumber(time), tonumber(window)
local texts, answers, routes = {}, {}, {}

local function repeated(at, id)
  local until_time, place = unpack(redis.call("HMGET", at .. ":i:" .. id, "until", "place"))
  if until_time and tonumber(until_time) > time then return "= " .. place end
end

local function route(at, channel)
  local nodes = routes[channel]
  if not nodes then
    nodes = nodes_of(at, channel)
    routes[channel] = nodes
  end
  return nodes
end

local function append(at, channel, line, timestamp, id)
  local epoch, last, touched = open(at, channel, offered, ttl)
  local offset = last + 1
  local head, entries = at .. ":m:" .. channel, at .. ":h:" .. channel
  redis.call("XADD", entries, "MAXLEN", "~", count, string.format("%d-%s", offset, timestamp), "d", line)
  -- Setting lifetimes costs as much as all the rest, so they are a little longer, and set now and then.
  if not touched or time - touched > age / 16 then
    redis.call("HSET", head, "l", offset, "t", time)
    redis.call("PEXPIRE", entries, math.floor(age + age / 8))
    redis.call("PEXPIRE", head, ttl)
    redis.call("PEXPIRE", at .. ":a:" .. channel, ttl)
  else
    redis.call("HSET", head, "l", offset)
  end
  local nodes, own = route(at, channel), 0
  local text = "S" .. FIELD .. epoch .. FIELD .. offset .. FIELD .. line
  for _, node in ipairs(nodes) do
    if node == token then own = 1 end
    local lines = texts[node]
    if lines then lines[#lines + 1] = text else texts[node] = { text } end
  end
  if id ~= "" then
    local message = string.match(line, "^[^\\31]+")
    local place = string.format("%d %s %s %s", offset, epoch, message, timestamp)
    redis.call("HSET", at .. ":i:" .. id, "until", time + window, "place", place)
    redis.call("PEXPIRE", at .. ":i:" .. id, window)
  end
  return string.format("%d %s %d %d", offset, epoch, #nodes - own, own)
end

for index = 8, #ARGV, 5 do
  local partition, channel, line, timestamp, id = unpack(ARGV, index, index + 4)
  local at = prefix .. "{" .. partition .. "}"
  answers[#answers + 1] = id ~= "" and repeated(at, id) or append(at, channel, line, timestamp, id)
end
for node, lines in pairs(texts) do post(node, table.concat(lines, "\\n")) end
return table.concat(answers, "\\n")
`,
);

/**
 * Reads a page. ARGV: channel, count, age, lifetime, time, offered epoch, "after" or "before", offset ("" for the end), limit.
 * Answers: epoch, first, last, then offset-timestamp ids and lines in turns.
 */
export const READ = script(
  "read",
  `${HISTORY}
local channel, count, age, ttl, time, offered, mode, offset, limit = unpack(ARGV)
local entries = key("h", channel)
local epoch, last = open(base, channel, offered, tonumber(ttl))

local function entry_from(from)
  local entry = redis.call("XRANGE", entries, string.format("%d-0", from), "+", "COUNT", 1)[1]
  if not entry then return last + 1, math.huge end
  local at, timestamp = string.match(entry[1], "^(%d+)-(%d+)$")
  return tonumber(at), tonumber(timestamp)
end

-- The lowest offset within count and age. What is too old is found by halving, and goes.
local function first_retained()
  local lowest = math.max(last - count + 1, 1)
  local first, timestamp = entry_from(lowest)
  local oldest = time - age
  if timestamp > oldest then return first end
  local expired, kept = first, last + 1
  while kept - expired > 1 do
    local middle = math.floor((expired + kept) / 2)
    local _, taken = entry_from(middle)
    if taken > oldest then kept = middle else expired = middle end
  end
  redis.call("XTRIM", entries, "MINID", string.format("%d-0", kept))
  return kept
end

local first = first_retained()
local found = {}
if mode == "after" then
  local from = math.max(tonumber(offset) + 1, first)
  found = redis.call("XRANGE", entries, string.format("%d-0", from), "+", "COUNT", limit)
else
  local to = offset == "" and last or tonumber(offset) - 1
  if to >= first then
    found = redis.call("XREVRANGE", entries, string.format("%d-18446744073709551615", to),
      string.format("%d-0", first), "COUNT", limit)
  end
end
local answer = { epoch, first, last }
for _, entry in ipairs(found) do
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = entry[2][2]
end
return answer
`,
);

/** ARGV: lifetime, offered epoch, channels. Answers epoch and last offset of each. */
export const POSITIONS = script(
  "positions",
  `${HISTORY}
local answer = {}
for index = 3, #ARGV do
  local epoch, last = open(base, ARGV[index], ARGV[2], ARGV[1])
  answer[#answer + 1] = epoch
  answer[#answer + 1] = last
end
return answer
`,
);

/**
 * A node has seen more than the history now has: what was between is lost, and the rest must not be taken for the same history.
 * ARGV: lifetime, new epoch, then channel, epoch and offset that the node has seen. Answers as POSITIONS does, and tells the
 * channel's nodes.
 */
export const ROTATE = script(
  "rotate",
  `${HISTORY}
local answer = {}
for index = 3, #ARGV, 3 do
  local channel, seen_epoch, seen = unpack(ARGV, index, index + 2)
  local epoch, last = open(base, channel, ARGV[2], ARGV[1])
  if epoch == seen_epoch and last < tonumber(seen) then
    epoch = ARGV[2]
    redis.call("HSET", key("m", channel), "e", epoch)
    redis.call("DEL", key("a", channel))
    for _, token in ipairs(nodes_of(base, channel)) do
      post(token, "L" .. FIELD .. channel .. FIELD .. epoch .. FIELD .. last)
    end
  end
  answer[#answer + 1] = epoch
  answer[#answer + 1] = last
end
return answer
`,
);

/**
 * Remembers who comes first under an idempotency key. ARGV: key, time, window, what is published ("e" ephemeral, else the
 * channel), receipt to remember. Answers: 1 for the first, 0 for a repeat; what the first was; its receipt.
 */
export const CLAIM = script(
  "claim",
  `
local name, time, window, what, receipt = unpack(ARGV)
local record = key("k", name)
local until_time, first, known = unpack(redis.call("HMGET", record, "until", "what", "receipt"))
if until_time and tonumber(until_time) > tonumber(time) then return { 0, first, known or "" } end
redis.call("DEL", record)
redis.call("HSET", record, "until", time + window, "what", what)
if receipt ~= "" then redis.call("HSET", record, "receipt", receipt) end
redis.call("PEXPIRE", record, window)
return { 1, what, "" }
`,
);

/** ARGV: key, time, receipt. */
export const SETTLE = script(
  "settle",
  `
local record = key("k", ARGV[1])
local until_time = redis.call("HGET", record, "until")
if until_time and tonumber(until_time) > tonumber(ARGV[2]) then redis.call("HSET", record, "receipt", ARGV[3]) end
return 1
`,
);

/** An entry's id is its offset and the time of the message. */
export const offsetOf = (id: string): number => Number(id.slice(0, id.indexOf("-")));
