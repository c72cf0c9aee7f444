import { script } from "./connection/connection.ts";

/**
 * Lua that all scripts on histories share. `at` is the base of the channel's partition.
 *
 * A history is a list of messages and a head, both per channel. The head says which history it is (a serial number, and with the
 * random name of the partition's data its epoch), the offset before the list's first message, and a stamp, which is 0 while there is
 * no message. The last offset is the first one plus the length of the list: so appending is a single command, and its answer the offset.
 *
 * The list's name ends with the stamp. Whatever changes the head or the nodes of the channel gives the list another stamp: so
 * who adds to the list by its name, as APPEND and append-pushes.ts do, knows that all it has remembered of the channel still holds, and who has the
 * name of a former list finds none there.
 *
 * While there are messages neither list nor head has a lifetime: what is too old is taken out (AGE), and from then on the head has one. To look
 * up lifetimes would make each append a tenth dearer. A head that tells of a list that is not there has lost it.
 */
const HISTORY = `
local births = {}

local function birth_of(at)
  if not births[at] then
    redis.call("SETNX", at .. ":birth", BIRTH)
    births[at] = redis.call("GET", at .. ":birth")
  end
  return births[at]
end

local function epoch_of(history) return birth_of(history.at) .. "." .. history.serial end

local function list_of(history) return list_at(history.at, history.channel, birth_of(history.at), history.stamp) end

local function last_of(history) return history.start + history.size end

local function next_serial(at) return redis.call("INCR", at .. ":serial") end

-- Writes the head down. It goes by itself when there has been no message for long.
local function save(history)
  local name = history.at .. ":m:" .. history.channel
  local head = history.serial .. " " .. history.start .. " " .. history.stamp
  if history.stamp == 0 then redis.call("SET", name, head, "PX", HEAD_MS) else redis.call("SET", name, head) end
  redis.call("PEXPIRE", history.at .. ":a:" .. history.channel, HEAD_MS)
end

-- Another history of the channel, without messages.
local function begin(at, channel)
  local history = { at = at, channel = channel, serial = next_serial(at), start = 0, stamp = 0, size = 0 }
  redis.call("DEL", at .. ":a:" .. channel)
  save(history)
  return history
end

-- The channel's history; where there was none, or it was lost, one begins.
local function history_of(at, channel)
  local serial, start, stamp = string.match(redis.call("GET", at .. ":m:" .. channel) or "", HEAD)
  if not serial then return begin(at, channel) end
  local history = { at = at, channel = channel, serial = serial, start = tonumber(start), stamp = tonumber(stamp), size = 0 }
  if history.stamp == 0 then return history end
  history.size = redis.call("LLEN", list_of(history))
  if history.size == 0 then return begin(at, channel) end
  return history
end

-- Gives the list another stamp. The head is to be saved.
local function rename(history)
  if history.stamp == 0 then return end
  local former = list_of(history)
  history.stamp = next_serial(history.at)
  redis.call("RENAME", former, list_of(history))
end

-- Takes the oldest messages out.
local function cut(history, number)
  local list = list_of(history)
  history.start, history.size = history.start + number, history.size - number
  if history.size == 0 then
    redis.call("DEL", list)
    history.stamp = 0
  else
    redis.call("LTRIM", list, number, -1)
    rename(history)
  end
  save(history)
end

local function line_at(history, offset) return redis.call("LINDEX", list_of(history), offset - history.start - 1) end

-- When the message at an offset was taken in: a line is id, type, body, timestamp, …
local function timestamp_at(history, offset)
  return tonumber(string.match(line_at(history, offset), "^[^\\31]*\\31[^\\31]*\\31[^\\31]*\\31(%d+)"))
end

-- The lowest offset that is newer than \`oldest\`. What is older is found by halving, and goes.
local function drop_expired(history, oldest)
  local first, last = history.start + 1, last_of(history)
  if first > last or timestamp_at(history, first) > oldest then return first end
  local expired, kept = first, last + 1
  while kept - expired > 1 do
    local middle = math.floor((expired + kept) / 2)
    if timestamp_at(history, middle) > oldest then kept = middle else expired = middle end
  end
  cut(history, expired - history.start)
  return kept
end
`;

/** The arguments that open every script on histories: what to call the data if it is new, and the lifetime of a head. */
export const historyScript = (name: string, lua: string) =>
  script(name, `local BIRTH, HEAD_MS = ARGV[1], tonumber(ARGV[2])\n${HISTORY}${lua}`);
