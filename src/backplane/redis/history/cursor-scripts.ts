import { lua, type Script, script } from "../connection/connection.ts";
import { KEY } from "../wire/keys.ts";
import { LINE } from "../wire/lines.ts";
import { historyScript } from "./lua.ts";

export const READ_CURSORS = historyScript(
  "cursors",
  lua`
-- Reads the cursors of one device.
-- KEYS[1]  base of the channels' partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  name of the cursor (user and device)
-- ARGV[3…] channels
-- reply    of each channel: "offset epoch", or "" without a cursor
local reply = {}
for index = 3, #ARGV do
  local cursors = key("${KEY.cursors}", ARGV[index])
  -- Looking up a history that was lost deletes its cursors.
  local history = redis.call("EXISTS", cursors) == 1 and history_of(base, ARGV[index])
  local cursor = history and redis.call("HGET", cursors, ARGV[2])
  reply[#reply + 1] = cursor and cursor .. " " .. epoch_of(history) or ""
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
-- ARGV[3]  name of the cursor (user and device)
-- ARGV[4]  user
-- ARGV[5]  offset
-- ARGV[6]  epoch, or "" for the present one
-- reply    { cursor, epoch }, { "epoch", present epoch } or { "offset", last offset }; the latter two are refusals
local channel, name, user, offset, epoch = unpack(ARGV, 2, 6)
local history = history_of(base, channel)
local current, last = epoch_of(history), last_of(history)
if epoch ~= "" and epoch ~= current then return { "epoch", current } end
if tonumber(offset) > last then return { "offset", tostring(last) } end
local cursors = key("${KEY.cursors}", channel)
local before = redis.call("HGET", cursors, name)
if before and tonumber(before) >= tonumber(offset) then return { before, current } end
redis.call("HSET", cursors, name, offset)
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

/** Scripts on cursors, for the counters. */
export const CURSOR_SCRIPTS: readonly Script[] = [READ_CURSORS, MOVE_CURSOR, WATCH];
