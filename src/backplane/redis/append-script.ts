import { historyScript } from "./history-lua.ts";

/**
 * About how long a text that the script itself puts together should be: the Lua of Redis 7.0 builds strings of up to 8 KiB in one go, and hashes
 * each byte of what it builds. A longer one is put together from parts, again and again, at several times the cost.
 */
const TEXT_BYTES = 7_000;

/**
 * Appends a batch. ARGV after the two: count, age, time, idempotency window, the length from which a list is cut, the length from which a
 * text travels apart from its offsets, then groups of messages that go to the same nodes in one text: these nodes, the number of messages, 1 when they have idempotency keys, the text
 * that the nodes get, where in it the first message begins, then for each message its list and, if so, its key or "". The text is a line `T`;
 * the script adds the line `S` with the lengths of the lists. The messages are cut out of the text, so that none is given twice. On Redis
 * Cluster all of a batch are of one partition. A channel that has a key in one group has none without in another.
 *
 * The lists are named as the caller remembers them. RPUSHX adds to a list that is there: then all that the caller has said of the channel
 * holds, and the length gives the offset. Where there is none, the channel's history is looked up, with some ten commands.
 *
 * Answers a text with a word for each message, in the order in which they were given: the length of the list; 0 for one that was looked up;
 * "=" for a repeat. Then for each of the latter two in turn: epoch, offset, stamp, offset before the list and nodes; epoch,
 * offset, id and timestamp of the first.
 */
export const APPEND = historyScript(
  "append",
  `
local count, age, time, window = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local room, apart = tonumber(ARGV[7]), tonumber(ARGV[8])
local call, concat, find, sub, args = redis.call, table.concat, string.find, string.sub, ARGV
local TEXT_BYTES = ${TEXT_BYTES}
local ENTRY = "\\30"
local words, details, found, late = {}, {}, {}, {}
-- Many lists are of one length: it is written down once.
local names = setmetatable({}, {
  __index = function(known, length)
    known[length] = string.format("%d", length)
    return known[length]
  end,
})

local function parse(list)
  local close = string.find(list, "}", #prefix + 1, true)
  return string.sub(list, 1, close), string.match(list, "^:h:(.*):[^:]*:%d*$", close + 1)
end

local function look_up(list)
  local history = history_of(parse(list))
  history.nodes = nodes_of(history.at, history.channel)
  if history.stamp == 0 then history.stamp = next_serial(history.at) end
  found[list] = history
  return history
end

local function push(history, line)
  history.size = call("RPUSH", list_of(history), line)
  if history.size > room then cut(history, history.size - count) end
end

-- What needed no looking up came before, in every channel, so it is published before.
local function post_later(history, line)
  local head = concat({ history.channel, epoch_of(history), last_of(history) - 1 }, FIELD)
  for _, token in ipairs(history.nodes) do
    local parts = late[token] or { "1", size = 0 }
    late[token] = parts
    parts[#parts + 1] = "\\nT" .. FIELD .. head .. ENTRY .. line .. ENTRY .. "\\nS" .. FIELD .. "1"
    parts.size = parts.size + #line
  end
end

local function publish_late(size)
  for token, parts in pairs(late) do
    if parts.size > size then
      call("PUBLISH", prefix .. "inbox:" .. token, concat(parts))
      late[token] = nil
    end
  end
end

local function append_slowly(list, line)
  local history = found[list]
  local is_new = not history
  if is_new then history = look_up(list) end
  push(history, line)
  if is_new then
    save(history)
    call("ZADD", history.at .. ":aging", "NX", time + age, history.channel)
  end
  post_later(history, line)
  local place = { epoch_of(history), last_of(history), history.stamp, history.start }
  details[#details + 1] = concat(place, " ") .. " " .. concat(history.nodes, " ")
  return history
end

local function is_repeated(list, id)
  local record = parse(list) .. ":i:" .. id
  local until_time, epoch, offset, message, timestamp =
    unpack(call("HMGET", record, "until", "epoch", "offset", "id", "timestamp"))
  if not until_time or tonumber(until_time) <= time then return false end
  details[#details + 1] = concat({ epoch, offset, message, timestamp }, " ")
  return true
end

local function remember(history, id, line)
  local record = history.at .. ":i:" .. id
  local message, timestamp = string.match(line, "^([^\\31]+)\\31[^\\31]*\\31[^\\31]*\\31(%d+)")
  call("HSET", record, "until", time + window, "epoch", epoch_of(history), "offset", last_of(history))
  call("HSET", record, "id", message, "timestamp", timestamp)
  call("PEXPIRE", record, window)
end

-- Answers the word for the message.
local function append_once(list, line, id)
  if id ~= "" and is_repeated(list, id) then return "=" end
  local history = append_slowly(list, line)
  if id ~= "" then remember(history, id, line) end
  return "0"
end

-- What RPUSHX has left to do: there is no list of this name, or it has become too long.
local function finish(list, line, length)
  if length == 0 then
    append_slowly(list, line)
  else
    local history = history_of(parse(list))
    cut(history, history.size - count)
  end
end

-- To join a long text and its lengths, Lua would build it once more and hash each byte of it.
local function publish(nodes, text, lengths)
  local line = "S" .. FIELD .. lengths
  local whole = #text < apart and text .. "\\n" .. line
  for token in string.gmatch(nodes, "%S+") do
    local inbox = prefix .. "inbox:" .. token
    call("PUBLISH", inbox, whole or text)
    if not whole then call("PUBLISH", inbox, "1\\n" .. line) end
  end
end

local index = 9
while index <= #args do
  local nodes, number, has_keys = args[index], tonumber(args[index + 1]), args[index + 2] == "1"
  local text, start = args[index + 3], tonumber(args[index + 4])
  local answers = {}
  index = index + 5
  -- This is done for each message, so nothing is looked up here that can be kept.
  for message = 1, number do
    local stop = find(text, ENTRY, start, true)
    local list, line = args[index], sub(text, start, stop - 1)
    if has_keys then
      answers[message] = append_once(list, line, args[index + 1])
      index = index + 2
    else
      local length = call("RPUSHX", list, line)
      if length == 0 or length > room then finish(list, line, length) end
      answers[message] = names[length]
      index = index + 1
    end
    start = stop + 1
  end
  local word = concat(answers, " ")
  words[#words + 1] = word
  if not has_keys then publish(nodes, text, word) end
  publish_late(TEXT_BYTES)
end
publish_late(0)
table.insert(details, 1, concat(words, " "))
return details
`,
);
