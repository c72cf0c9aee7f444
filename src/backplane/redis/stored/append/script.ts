import { lua, luaEscapes } from "../../connection/connection.ts";
import { entryPattern, historyScript } from "../../history/lua.ts";
import { KEY, LIST_KEY, type ListKeyPart } from "../../wire/keys.ts";
import { ENTRY, LINE, NEWLINE, VERSION } from "../../wire/lines.ts";
import { HEADER } from "../../wire/stored-line.ts";

/**
 * Approximate maximum of a payload that the script builds, in bytes. The Lua of Redis 7.0 builds strings of up to 8 KiB
 * at once and hashes each byte of them; a longer one it concatenates from parts, again and again, at several times the
 * cost.
 */
const PAYLOAD_BYTES = 7_000;

const NEWLINE_IN_LUA = luaEscapes(NEWLINE);

/**
 * The payload that the caller built goes to the nodes of a group, with the lengths of the lists in a line of their own.
 * From `apart` bytes on they are two payloads: to join them, Lua would build the long text once more and hash each byte
 * of it.
 */
const PUBLISH_GROUP = lua`
-- Nodes whose inbox has no subscriber.
local deaf = {}

local function publish(nodes, payload, lengths)
  local line = "${LINE.lengths}" .. FIELD .. lengths
  local whole = #payload < apart and payload .. "${NEWLINE_IN_LUA}" .. line
  for token in string.gmatch(nodes, "%S+") do
    local inbox = inbound_of(token)
    if call("PUBLISH", inbox, whole or payload) == 0 then deaf[#deaf + 1] = token end
    if not whole then call("PUBLISH", inbox, OPENING .. line) end
  end
end
`;

/**
 * Publishes the messages of channels that the script looked up, after their group: only the look-up finds their nodes.
 * The line is the one that {@link StoredLine} builds. Within a channel, messages without a look-up come first, so they
 * are published first.
 */
const PUBLISH_LATE = lua`
local late = {}

local function post_later(history, entry)
  local channel, epoch, start = history.channel, epoch_of(history), last_of(history) - 1
  local header = concat({ ${HEADER.join(", ")} }, FIELD)
  for _, token in ipairs(history.nodes) do
    local parts = late[token] or { "${VERSION}", size = 0 }
    late[token] = parts
    parts[#parts + 1] = "${NEWLINE_IN_LUA}${LINE.stored}" .. FIELD .. header .. ENTRY .. entry .. ENTRY
      .. "${NEWLINE_IN_LUA}${LINE.lengths}" .. FIELD .. "1"
    parts.size = parts.size + #entry
  end
end

local function publish_late(size)
  for token, parts in pairs(late) do
    if parts.size > size then
      if call("PUBLISH", inbound_of(token), concat(parts)) == 0 then deaf[#deaf + 1] = token end
      late[token] = nil
    end
  end
end
`;

/**
 * Lua patterns of the parts of a list's key. The pattern captures the channel, which may contain ":", and the birth.
 */
const PATTERNS: Readonly<Record<ListKeyPart, string>> = {
  kind: KEY.list,
  channel: "(.*)",
  random: "([^:]*)",
  stamp: "%d*",
};

/** Appends to a channel without a list under the given key: looks the channel up, with some ten commands. */
const APPEND_SLOWLY = lua`
local found = {}

local PREFIX_LENGTH = #string.match(base, "^(.*){[^{}]*}$")

-- The base, the channel and the random part of the birth of a list, from its key.
local function parse(list)
  local close = string.find(list, "}", PREFIX_LENGTH + 1, true)
  return string.sub(list, 1, close), string.match(list, "^:${LIST_KEY.map((part) => PATTERNS[part]).join(":")}$", close + 1)
end

-- Returns nil when the partition has not the birth that the caller expects: then nothing may be taken for new.
local function look_up(list)
  local at, channel, random = parse(list)
  if random_part(birth_of(at)) ~= random then return nil end
  local history = history_of(at, channel)
  history.nodes, history.members = receivers_of(history.at, history.channel)
  if history.stamp == 0 then history.stamp = next_serial(history.at) end
  found[list] = history
  return history
end

local function push(history, entry)
  history.size = call("RPUSH", list_of(history), entry)
  if history.size > room then trim(history, history.size - count) end
end

local function append_slowly(list, entry)
  local history = found[list]
  local is_new = not history
  if is_new then history = look_up(list) end
  if not history then return nil end
  push(history, entry)
  if is_new then
    save(history)
    -- LT keeps an earlier visit, and makes that of an empty history an earlier one.
    call("ZADD", schedule_of(history.at), "LT", now() + ages_by(age, ages)(history.channel), history.channel)
  end
  post_later(history, entry)
  local target = { epoch_of(history), last_of(history), history.stamp, history.start, history.members }
  details[#details + 1] = concat(target, " ") .. " " .. concat(history.nodes, " ")
  return history
end

-- Completes an RPUSHX that found no list under the key (length 0), or made the list too long.
-- Returns the message's number of the reply.
local function finish(list, entry, length)
  if length == 0 then return append_slowly(list, entry) and 0 or -1 end
  local history = history_of(parse(list))
  trim(history, history.size - count)
  return length
end
`;

const APPEND_ONCE = lua`
local function is_duplicate(list, id)
  local record = parse(list) .. ":${KEY.storedUnder}:" .. id
  local until_time, epoch, offset, message, timestamp =
    unpack(call("HMGET", record, "until", "epoch", "offset", "id", "timestamp"))
  if not until_time or tonumber(until_time) <= now() then return false end
  details[#details + 1] = concat({ epoch, offset, message, timestamp }, " ")
  return true
end

local function remember(history, id, entry)
  local record = history.at .. ":${KEY.storedUnder}:" .. id
  local message, timestamp = string.match(entry, "${entryPattern("id", "timestamp")}")
  call("HSET", record, "until", now() + window, "epoch", epoch_of(history), "offset", last_of(history))
  call("HSET", record, "id", message, "timestamp", timestamp)
  call("PEXPIRE", record, window)
end

-- Appends a message of a group with idempotency keys ("" if this one has none). Returns the message's word of the reply.
local function append_once(list, entry, id)
  if id ~= "" and is_duplicate(list, id) then return "=" end
  local history = append_slowly(list, entry)
  if not history then return "-1" end
  if id ~= "" then remember(history, id, entry) end
  return "0"
end
`;

/**
 * Appends a batch and publishes it. A message costs Redis one command if its list exists under the key that the caller
 * knows: RPUSHX replies the length, which gives the offset. Entries are cut out of the payload for the nodes, so each
 * is sent to Redis once.
 *
 * On Redis Cluster all messages of a batch are of one partition. A channel with an idempotency key in one group has no
 * message without one in another group.
 */
export const APPEND = historyScript(
  "append",
  lua`
-- KEYS[1]  base of a partition of the batch
-- ARGV[1]  HEAD_MS
-- ARGV[2]  messages retained
-- ARGV[3]  age retained, ms
-- ARGV[4]  ages by channel, JSON; "": all have the same
-- ARGV[5]  idempotency window, ms
-- ARGV[6]  maximum length of a list
-- ARGV[7]  bytes from which a payload and its line of lengths are published apart
-- ARGV[8…] groups of messages that go to the same nodes in one payload. Of each group:
--          tokens of the nodes, separated by spaces
--          number of messages
--          "1" if they have idempotency keys, else "0"
--          payload for the nodes: version, and a line "stored"
--          byte of the payload, from 1, at which its first entry begins
--          of each message: key of its list, then with "1" its idempotency key or ""
-- reply    { words, deaf, details, … }
--          deaf: tokens of nodes whose inbox has no subscriber, separated by spaces
--          words: one for each message, separated by spaces
--            length of its list; 0 if the channel was looked up; = for a duplicate; -1 if it was not stored,
--            because its partition has not the birth that the key of its list has
--          details, separated by spaces, in the order of 0 and =:
--            0: epoch, offset, stamp, offset before the list, number of nodes with members, nodes: these first
--            =: epoch, offset, id and timestamp of the first message
local count, age, ages, window = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local room, apart = tonumber(ARGV[6]), tonumber(ARGV[7])
local call, concat, find, sub, args = redis.call, table.concat, string.find, string.sub, ARGV
local ENTRY = "${luaEscapes(ENTRY)}"
local words, details = {}, {}
${PUBLISH_GROUP}${PUBLISH_LATE}${APPEND_SLOWLY}${APPEND_ONCE}
-- Many lists have the same length: each number becomes a string once.
local names = setmetatable({}, {
  __index = function(known, length)
    known[length] = string.format("%d", length)
    return known[length]
  end,
})

local index = 8
while index <= #args do
  local nodes, number, has_keys = args[index], tonumber(args[index + 1]), args[index + 2] == "1"
  local payload, start = args[index + 3], tonumber(args[index + 4])
  local answers = {}
  index = index + 5
  -- The loop runs for each message, so it uses locals instead of table look-ups.
  for message = 1, number do
    local stop = find(payload, ENTRY, start, true)
    local list, entry = args[index], sub(payload, start, stop - 1)
    if has_keys then
      answers[message] = append_once(list, entry, args[index + 1])
      index = index + 2
    else
      local length = call("RPUSHX", list, entry)
      if length == 0 or length > room then length = finish(list, entry, length) end
      answers[message] = names[length]
      index = index + 1
    end
    start = stop + 1
  end
  local word = concat(answers, " ")
  words[#words + 1] = word
  if not has_keys then publish(nodes, payload, word) end
  publish_late(${PAYLOAD_BYTES})
end
publish_late(0)
table.insert(details, 1, concat(deaf, " "))
table.insert(details, 1, concat(words, " "))
return details
`,
  // The key of each list has the birth that the caller expects: a batch may be of many partitions.
  { checksBirth: false, stores: true, isOrdered: true },
);
