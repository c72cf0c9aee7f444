import { script } from "./script.ts";

/**
 * Lua that all scripts on histories share. `at` is the base of the channel's partition.
 *
 * A history is a list of messages and a head, both per channel. The head is one integer, so that a single INCR gives the next
 * offset: the offset in the lower 33 bits, above them the serial number of the history (20 bits, so Lua's doubles are exact).
 * With the random name of the partition's data the serial makes the epoch. The list's last element is the head's offset.
 */
const HISTORY = `
local SERIAL = 8589934592
local births = {}

local function birth_of(at)
  if not births[at] then
    redis.call("SETNX", at .. ":birth", BIRTH)
    births[at] = redis.call("GET", at .. ":birth")
  end
  return births[at]
end

local function epoch_of(at, head) return birth_of(at) .. "." .. math.floor(head / SERIAL) end

-- Another history of the channel, which has come as far as this offset.
local function begin(at, channel, offset)
  local serial = redis.call("INCR", at .. ":serial") % 1048576
  local head = serial * SERIAL + offset
  redis.call("SET", at .. ":m:" .. channel, head, "PX", HEAD_MS)
  redis.call("DEL", at .. ":a:" .. channel)
  return head
end

-- Epoch and last offset; where there was no history, or it was lost, one begins.
local function open(at, channel)
  local head = tonumber(redis.call("GET", at .. ":m:" .. channel) or 0)
  if head == 0 then
    redis.call("DEL", at .. ":h:" .. channel)
    head = begin(at, channel, 0)
  end
  return epoch_of(at, head), head % SERIAL
end
`;

/** The arguments that open every script on histories: what to call the data if it is new, and the lifetime of a head. */
const historyScript = (name: string, lua: string) =>
  script(name, `local BIRTH, HEAD_MS = ARGV[1], ARGV[2]\n${HISTORY}${lua}`);

/**
 * Appends a batch. ARGV after the two: own token, count, age, time, idempotency window, then for each message its partition,
 * channel, head, list, line and idempotency key; an empty partition is that of the message before. On Redis Cluster all of a
 * batch are of one partition. Names are made by the caller and answers are numbers, because strings are what costs Lua most.
 * Answers for each: the name of the partition's data where it changes, head, and twice the number of other nodes it was sent to, plus
 * one if it was sent to this one too. For a repeat: head, -1, id, timestamp.
 */
export const APPEND = historyScript(
  "append",
  `
local token, count, age = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local time, window = tonumber(ARGV[6]), tonumber(ARGV[7])
local room, lifetime = count + math.ceil(count / 8), math.floor(age + age / 8)
local call, format = redis.call, string.format
local texts, answers, routes, size = {}, {}, {}, 0
local at, opening

local function repeated(id)
  local record = at .. ":i:" .. id
  local until_time, head, message, timestamp = unpack(call("HMGET", record, "until", "head", "id", "timestamp"))
  if not until_time or tonumber(until_time) <= time then return false end
  answers[size + 1], answers[size + 2], answers[size + 3], answers[size + 4] = tonumber(head), -1, message, timestamp
  size = size + 4
  return true
end

local function remember(id, head, line)
  local record = at .. ":i:" .. id
  local message, timestamp = string.match(line, "^([^\\31]+)\\31[^\\31]*\\31[^\\31]*\\31(%d+)")
  call("HSET", record, "until", time + window, "head", format("%.0f", head), "id", message, "timestamp", timestamp)
  call("PEXPIRE", record, window)
end

for index = 8, #ARGV, 6 do
  local partition, channel, head_key = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local entries, line, id = ARGV[index + 3], ARGV[index + 4], ARGV[index + 5]
  if partition ~= "" then
    at = prefix .. "{" .. partition .. "}"
    local birth = birth_of(at)
    opening = "\\nS" .. FIELD .. birth .. FIELD
    size = size + 1
    answers[size] = birth
  end
  if id == "" or not repeated(id) then
    local head = call("INCR", head_key)
    if head == 1 then call("DEL", entries) end
    if head == 1 or head % SERIAL == 0 then head = begin(at, channel, 1) end
    local length = call("RPUSH", entries, line)
    -- Trimming and setting lifetimes cost as much as all the rest: there is some room, and it is done now and then.
    if length > room then call("LTRIM", entries, -count, -1) end
    if call("PTTL", entries) < age then
      call("PEXPIRE", entries, lifetime)
      call("PEXPIRE", head_key, HEAD_MS)
      call("PEXPIRE", at .. ":a:" .. channel, HEAD_MS)
    end
    local nodes = routes[channel]
    if not nodes then
      nodes = nodes_of(at, channel)
      routes[channel] = nodes
    end
    local sent, number = 0, format("%.0f", head)
    for position = 1, #nodes do
      local node = nodes[position]
      sent = sent + (node == token and 1 or 2)
      local parts = texts[node]
      if not parts then
        parts = {}
        texts[node] = parts
      end
      local length = #parts
      parts[length + 1], parts[length + 2], parts[length + 3], parts[length + 4] = opening, number, FIELD, line
    end
    if id ~= "" then remember(id, head, line) end
    answers[size + 1], answers[size + 2] = head, sent
    size = size + 2
  end
end
for node, parts in pairs(texts) do call("PUBLISH", prefix .. "inbox:" .. node, "1" .. table.concat(parts)) end
return answers
`,
);

/**
 * Reads a page. ARGV after the two: channel, count, age, time, "after" or "before", offset ("" for the end), limit.
 * Answers: epoch, first retained offset, last offset, offset of the first message, messages.
 */
export const READ = historyScript(
  "read",
  `
local channel, count, age, time = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local mode, offset, limit = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
local entries = key("h", channel)
local epoch, last = open(base, channel)

local function is_expired(at)
  local line = redis.call("LINDEX", entries, at - last - 1)
  local timestamp = string.match(line, "^[^\\31]*\\31[^\\31]*\\31[^\\31]*\\31(%d+)")
  return tonumber(timestamp) <= time - age
end

-- The lowest offset within count and age. What is too old is found by halving, and goes.
local function first_retained()
  local first = math.max(last - math.min(redis.call("LLEN", entries), count) + 1, 1)
  if first > last or not is_expired(first) then return first end
  local expired, kept = first, last + 1
  while kept - expired > 1 do
    local middle = math.floor((expired + kept) / 2)
    if is_expired(middle) then expired = middle else kept = middle end
  end
  if kept > last then redis.call("DEL", entries) else redis.call("LTRIM", entries, kept - last - 1, -1) end
  return kept
end

local first = first_retained()
local from, to
if mode == "after" then
  from = math.max(offset + 1, first)
  to = math.min(from + limit - 1, last)
else
  to = math.min((offset or last + 1) - 1, last)
  from = math.max(to - limit + 1, first)
end
local found = from <= to and redis.call("LRANGE", entries, from - last - 1, to - last - 1) or {}
return { epoch, first, last, from, found }
`,
);

/** ARGV after the two: channels. Answers epoch and last offset of each. */
export const POSITIONS = historyScript(
  "positions",
  `
local answer = {}
for index = 3, #ARGV do
  local epoch, last = open(base, ARGV[index])
  answer[#answer + 1] = epoch
  answer[#answer + 1] = last
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
local function is_same(channel, last, seen, id)
  if seen > last then return false end
  if seen == 0 or id == "" then return true end
  local line = redis.call("LINDEX", key("h", channel), seen - last - 1)
  return not line or string.match(line, "^[^\\31]+") == id
end

local function rotate(channel, last)
  local epoch = epoch_of(base, begin(base, channel, last))
  redis.call("SET", key("x", channel), epoch .. " " .. last, "PX", HEAD_MS)
  for _, token in ipairs(nodes_of(base, channel)) do
    post(token, "L" .. FIELD .. channel .. FIELD .. epoch .. FIELD .. last)
  end
  return epoch
end

local answer = {}
for index = 3, #ARGV, 4 do
  local channel, seen_epoch, seen, id = ARGV[index], ARGV[index + 1], tonumber(ARGV[index + 2]), ARGV[index + 3]
  local epoch, last = open(base, channel)
  local from = seen
  if epoch ~= seen_epoch then
    local rotated, at = string.match(redis.call("GET", key("x", channel)) or "", "^(.*) (%d+)$")
    from = rotated == epoch and tonumber(at) or 0
  elseif not is_same(channel, last, seen, id) then
    epoch = rotate(channel, last)
    from = last
  end
  answer[#answer + 1] = epoch
  answer[#answer + 1] = last
  answer[#answer + 1] = from
end
return answer
`,
);

/** ARGV after the two: device's name, channels. Answers "offset epoch" or "" for each. */
export const READ_CURSORS = historyScript(
  "cursors",
  `
local answer = {}
for index = 4, #ARGV do
  local channel = ARGV[index]
  local head = tonumber(redis.call("GET", key("m", channel)) or 0)
  local cursor = head ~= 0 and redis.call("HGET", key("a", channel), ARGV[3])
  answer[#answer + 1] = cursor and cursor .. " " .. epoch_of(base, head) or ""
end
return answer
`,
);

/**
 * ARGV after the two: channel, device's name, user, offset, epoch or "". Answers the cursor, or says why not:
 * { "epoch", epoch } or { "offset", last }.
 */
export const MOVE_CURSOR = historyScript(
  "move",
  `
local channel, name, user, offset, epoch = unpack(ARGV, 3, 7)
local current, last = open(base, channel)
if epoch ~= "" and epoch ~= current then return { "epoch", current } end
if tonumber(offset) > last then return { "offset", tostring(last) } end
local cursors = key("a", channel)
local before = redis.call("HGET", cursors, name)
if before and tonumber(before) >= tonumber(offset) then return { before, current } end
redis.call("HSET", cursors, name, offset)
redis.call("PEXPIRE", cursors, HEAD_MS)
for _, token in ipairs(redis.call("SMEMBERS", key("w", channel))) do
  post(token, "A" .. FIELD .. channel .. FIELD .. user .. FIELD .. offset)
end
return { offset, current }
`,
);

/** ARGV: channel, token, and for how long; 0 ends it. */
export const WATCH = script(
  "watch",
  `
local watchers = key("w", ARGV[1])
if ARGV[3] == "0" then return redis.call("SREM", watchers, ARGV[2]) end
redis.call("SADD", watchers, ARGV[2])
return redis.call("PEXPIRE", watchers, ARGV[3])
`,
);

/**
 * Remembers who comes first under an idempotency key. ARGV: key, time, window, what is published ("ephemeral" or the
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

/** All of them, for the counters. */
export const HISTORY_SCRIPTS = [
  APPEND,
  READ,
  POSITIONS,
  VERIFY,
  READ_CURSORS,
  MOVE_CURSOR,
  WATCH,
  CLAIM,
  SETTLE,
];
