import { lua, luaEscapes, type Script, type ScriptOptions, script } from "../connection/connection.ts";
import { BIRTH_KEY, BUCKETS, EXPIRY_SCHEDULE, FORMER_KEY, KEY } from "../wire/keys.ts";
import { FIELD, LINE } from "../wire/lines.ts";
import { ENTRY_FIELDS, type EntryField } from "../wire/stored-line.ts";

/** Lua pattern that captures the named fields of an entry, in the order of its layout. */
export function entryPattern(...names: readonly EntryField[]): string {
  const separator = luaEscapes(FIELD);
  const field = `[^${separator}]*`;
  const patterns = ENTRY_FIELDS.map((name) => (names.includes(name) ? `(${field})` : field));
  const count = 1 + Math.max(...names.map((name) => ENTRY_FIELDS.indexOf(name)));
  return `^${patterns.slice(0, count).join(separator)}`;
}

/**
 * Lua that all scripts on histories share. `at` is the base of the channel's partition.
 *
 * A history is a list of entries and a head, both per channel. The head has three numbers: the serial number of the
 * history, the offset before the list's first entry, and the list's stamp (0 without messages). The epoch is the random
 * part of the name of the partition's data (its birth) and the serial number. An entry's offset is the offset before the list plus
 * the entry's index from 1. So an append is a single command: its reply, the new length of the list, gives the offset.
 *
 * The list's key ends with the stamp. Each change of the head, or of the channel's nodes, gives the list another stamp,
 * and no list is left under the former key. So when an append finds a list under the key that a node knows, the node's
 * append target is current.
 *
 * Neither list nor head has a lifetime: to look lifetimes up would make each append a tenth dearer. Retention (EXPIRE)
 * removes old entries, and at last the head of a history that has been empty for HEAD_MS. A head whose list is missing
 * means a lost history, and so does a channel in the schedule without a head.
 *
 * A channel that never had a message leaves nothing. Its epoch is the same for every reader, and for its first message,
 * without being stored: the serial number of its bucket, of 4,096. When a head is removed, its bucket gets another
 * number, so no epoch is used twice for a channel. Schedule and buckets prove each other: when either is lost, all
 * buckets get another number.
 */
const HISTORY = lua`
local births = {}
if BIRTH ~= "" then births[base] = BIRTH end

local function birth_of(at)
  births[at] = births[at] or redis.call("GET", at .. ":${BIRTH_KEY}") or ""
  return births[at]
end

local function epoch_of(history) return random_part(birth_of(history.at)) .. "." .. history.serial end

local function list_of(history) return list_at(history.at, history.channel, birth_of(history.at), history.stamp) end

local function last_of(history) return history.start + history.size end

local function schedule_of(at) return at .. ":${EXPIRY_SCHEDULE}" end

-- The nodes that get the stored messages of a channel, those with members first. Returns also how many these are.
local function receivers_of(at, channel)
  local nodes, has_members = nodes_of(at, channel), {}
  local members = #nodes
  for _, token in ipairs(nodes) do has_members[token] = true end
  for _, token in ipairs(redis.call("SMEMBERS", at .. ":${KEY.listeners}:" .. channel)) do
    if not has_members[token] then nodes[#nodes + 1] = token end
  end
  return nodes, members
end

-- Writes the head, schedules the removal of one without messages, and renews the lifetime of the cursors.
local function save(history)
  local head = head_of(history.serial, history.start, history.stamp)
  redis.call("SET", history.at .. ":${KEY.head}:" .. history.channel, head)
  if history.stamp == 0 then redis.call("ZADD", schedule_of(history.at), now() + HEAD_MS, history.channel) end
  redis.call("PEXPIRE", history.at .. ":${KEY.cursors}:" .. history.channel, HEAD_MS)
end

-- The offset after which a history continues under its present epoch; nil if it has lost no messages.
local function loss_of(history)
  local loss = redis.call("GET", history.at .. ":${KEY.rotation}:" .. history.channel)
  local epoch, offset = string.match(loss or "", "^(.*) (%d+)$")
  return epoch == epoch_of(history) and tonumber(offset) or nil
end

-- Remembers that a history has lost messages.
local function remember_loss(history, offset)
  local loss = epoch_of(history) .. " " .. (loss_of(history) or offset or 0)
  redis.call("SET", history.at .. ":${KEY.rotation}:" .. history.channel, loss, "PX", HEAD_MS)
end

-- Begins a new history of a channel whose former one is lost, under a new epoch.
local function begin(at, channel)
  local history = { at = at, channel = channel, serial = next_serial(at), start = 0, stamp = 0, size = 0 }
  save(history)
  remember_loss(history)
  -- Head or list was lost. Nodes may still know a list of that history, and must not append to it.
  cast("${LINE.invalidate}" .. FIELD .. channel)
  return history
end

local function bucket_of(channel) return string.sub(redis.sha1hex(channel), 1, 3) end

-- The serial number of a channel without a head. "" in the schedule, and in the buckets, is there as long as these are.
local function serial_of_bucket(at, channel)
  local buckets, schedule = at .. ":${BUCKETS}", schedule_of(at)
  local all, own = unpack(redis.call("HMGET", buckets, "", bucket_of(channel)))
  if not all or not redis.call("ZSCORE", schedule, "") then
    all = next_serial(at)
    redis.call("HSET", buckets, "", all)
    redis.call("ZADD", schedule, "+inf", "")
  end
  return math.max(all, own or 0)
end

-- Gives the list of a history the name of the present birth, if it still has that of a former one. Returns its length.
local function adopt(history)
  for birth in string.gmatch(redis.call("GET", history.at .. ":${FORMER_KEY}") or "", "%S+") do
    local former = list_at(history.at, history.channel, birth, history.stamp)
    if redis.call("EXISTS", former) == 1 then
      redis.call("RENAME", former, list_of(history))
      return redis.call("LLEN", list_of(history))
    end
  end
  return 0
end

-- Reads the channel's history. Begins a new one if its head or its list is lost.
local function history_of(at, channel)
  local head = redis.call("GET", at .. ":${KEY.head}:" .. channel)
  local serial, start, stamp = string.match(head or "", HEAD)
  if not serial then
    if redis.call("ZSCORE", schedule_of(at), channel) then return begin(at, channel) end
    return { at = at, channel = channel, serial = serial_of_bucket(at, channel), start = 0, stamp = 0, size = 0 }
  end
  local history = { at = at, channel = channel, serial = serial, start = tonumber(start), stamp = tonumber(stamp), size = 0 }
  if history.stamp == 0 then return history end
  history.size = redis.call("LLEN", list_of(history))
  if history.size == 0 then history.size = adopt(history) end
  if history.size == 0 then return begin(at, channel) end
  return history
end

-- Gives the list another stamp. The caller saves the head.
local function rename(history)
  if history.stamp == 0 then return end
  local former = list_of(history)
  history.stamp = next_serial(history.at)
  redis.call("RENAME", former, list_of(history))
end

-- Removes a number of entries, the oldest ones.
local function trim(history, number)
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

-- The age retained of each channel. Each node has its own ages: the common one, and those of rules, the first of which
-- counts. The longest is in force.
local function ages_by(common, json)
  if json == "" then return function() return common end end
  local nodes = cjson.decode(json)
  local function age_on(rules, default, channel)
    for _, rule in ipairs(rules) do
      local text = rule[1]
      if channel == text or rule[2] == 1 and string.sub(channel, 1, #text) == text then return rule[3] end
    end
    return default
  end
  return function(channel)
    local age = 0
    for _, node in ipairs(nodes) do age = math.max(age, age_on(node[2], node[1], channel)) end
    return age
  end
end
`;

/**
 * A script on histories. Its first argument ({@link Histories.firstArguments}) is HEAD_MS, the lifetime in milliseconds
 * for which the head of an empty history is kept.
 */
export const historyScript = (name: string, body: string, options?: ScriptOptions): Script =>
  script(name, lua`local HEAD_MS = tonumber(ARGV[1])${HISTORY}${body}`, options);

/** Lua for scripts on histories that read single entries. The others, above all the long one that appends, are sent without it. */
export const ENTRIES = lua`
local function entry_at(history, offset) return redis.call("LINDEX", list_of(history), offset - history.start - 1) end

local function timestamp_at(history, offset)
  return tonumber(string.match(entry_at(history, offset), "${entryPattern("timestamp")}"))
end

-- Returns the lowest offset from a given one on whose timestamp is above a time, found by bisection; one after the last without one.
local function first_above(history, first, time)
  local last = last_of(history)
  if first > last or timestamp_at(history, first) > time then return first end
  local older, younger = first, last + 1
  while younger - older > 1 do
    local middle = math.floor((older + younger) / 2)
    if timestamp_at(history, middle) > time then younger = middle else older = middle end
  end
  return younger
end

-- Removes the entries whose timestamps are at most a given time. Returns the lowest offset left.
local function expire(history, oldest)
  local first = history.start + 1
  local kept = first_above(history, first, oldest)
  if kept > first then trim(history, kept - first) end
  return kept
end
`;
