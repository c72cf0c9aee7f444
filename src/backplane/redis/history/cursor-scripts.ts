import { lua, luaEscapes, type Script, script } from "../connection/connection.ts";
import { KEY } from "../wire/keys.ts";
import { ENTRY, FIELD, LINE } from "../wire/lines.ts";
import { historyScript } from "./lua.ts";

/**
 * Lua that reads and writes the cursors of a user. They are one field of the channel's hash: of each device its name, its
 * offset and the epoch of that offset, the device that acknowledged last at the end.
 */
const DEVICES = lua`
local ENTRY = "${luaEscapes(ENTRY)}"
local CURSOR = "([^${luaEscapes(FIELD + ENTRY)}]*)${luaEscapes(FIELD)}(%d+)${luaEscapes(FIELD)}([^${luaEscapes(ENTRY)}]*)"

-- Returns the cursors of a user's other devices, and offset and epoch of the given one.
local function devices_of(cursors, user, device)
  local others, offset, epoch = {}, nil, nil
  for name, its_offset, its_epoch in string.gmatch(redis.call("HGET", cursors, user) or "", CURSOR) do
    if name == device then
      offset, epoch = its_offset, its_epoch
    else
      others[#others + 1] = table.concat({ name, its_offset, its_epoch }, FIELD)
    end
  end
  return others, offset, epoch
end
`;

export const READ_CURSORS = historyScript(
  "cursors",
  lua`
-- Reads the cursors of one device.
-- KEYS[1]  base of the channels' partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  user
-- ARGV[3]  device
-- ARGV[4]  devices of a user that have a cursor, at most
-- ARGV[5…] channels
-- reply    of each channel: "offset epoch", "" without a cursor; "?" without one that may have been dropped, in a
--          history that does not have all its messages
local reply = {}
${DEVICES}
for index = 5, #ARGV do
  local channel = ARGV[index]
  local others, offset, epoch = devices_of(key("${KEY.cursors}", channel), ARGV[2], ARGV[3])
  if offset then
    reply[#reply + 1] = offset .. " " .. epoch
  elseif #others < tonumber(ARGV[4]) then
    reply[#reply + 1] = ""
  else
    local history = history_of(base, channel)
    reply[#reply + 1] = (history.start > 0 or loss_of(history)) and "?" or ""
  end
end
return reply
`,
);

export const MOVE_CURSOR = historyScript(
  "move",
  lua`
-- Moves a cursor forward, and sends the nodes that watch the channel a line "ack".
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  channel
-- ARGV[3]  user
-- ARGV[4]  device
-- ARGV[5]  offset
-- ARGV[6]  epoch, or "" for the present one
-- ARGV[7]  devices of a user that have a cursor, at most
-- reply    { cursor, epoch }, { "epoch", present epoch } or { "offset", last offset }; the latter two are refusals
local channel, user, device, offset, epoch, limit = unpack(ARGV, 2, 7)
${DEVICES}
local history = history_of(base, channel)
local current, last = epoch_of(history), last_of(history)
if epoch ~= "" and epoch ~= current then return { "epoch", current } end
if tonumber(offset) > last then return { "offset", tostring(last) } end
local cursors = key("${KEY.cursors}", channel)
local kept, before, former = devices_of(cursors, user, device)
if before and former == current and tonumber(before) >= tonumber(offset) then return { before, current } end
kept[#kept + 1] = table.concat({ device, offset, current }, FIELD)
while #kept > tonumber(limit) do table.remove(kept, 1) end
redis.call("HSET", cursors, user, table.concat(kept, ENTRY))
redis.call("PEXPIRE", cursors, HEAD_MS)
for _, token in ipairs(redis.call("SMEMBERS", key("${KEY.watchers}", channel))) do
  post(token, "${LINE.ack}" .. FIELD .. channel .. FIELD .. user .. FIELD .. offset)
end
return { offset, current }
`,
);

export const WATCH = script(
  "watch",
  lua`
-- Starts or ends the watch of a node on a channel's acknowledgements.
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  channel
-- ARGV[2]  token of the node
-- ARGV[3]  duration of the watch, ms; "0" ends it
-- reply    1, or 0 if there was nothing to end, or the watch was there already
local watchers = key("${KEY.watchers}", ARGV[1])
if ARGV[3] == "0" then return redis.call("SREM", watchers, ARGV[2]) end
local added = redis.call("SADD", watchers, ARGV[2])
redis.call("PEXPIRE", watchers, ARGV[3])
return added
`,
);

export const READ_ACKS = historyScript(
  "acks",
  lua`
-- Reads how far users have acknowledged the present histories of their own channels, by any device.
-- KEYS[1]  base of the channels' partition
-- ARGV[1]  HEAD_MS
-- ARGV[2…] two for each channel: channel, user
-- reply    an offset for each channel, 0 for none
local reply = {}
${DEVICES}
for index = 2, #ARGV, 2 do
  local current, highest = epoch_of(history_of(base, ARGV[index])), 0
  local cursors = redis.call("HGET", key("${KEY.cursors}", ARGV[index]), ARGV[index + 1]) or ""
  for _, offset, epoch in string.gmatch(cursors, CURSOR) do
    if epoch == current then highest = math.max(highest, tonumber(offset)) end
  end
  reply[#reply + 1] = highest
end
return reply
`,
);

/** Scripts on cursors, for the counters. */
export const CURSOR_SCRIPTS: readonly Script[] = [READ_CURSORS, MOVE_CURSOR, READ_ACKS, WATCH];
