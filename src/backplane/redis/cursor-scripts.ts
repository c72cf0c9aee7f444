import { type Script, script } from "./connection/connection.ts";
import { historyScript } from "./history-lua.ts";

/** ARGV after the two: device's name, channels. Answers "offset epoch" or "" for each. */
export const READ_CURSORS = historyScript(
  "cursors",
  `
local answer = {}
for index = 4, #ARGV do
  local cursors = key("a", ARGV[index])
  -- Those of a history that was lost go when it is looked up.
  local history = redis.call("EXISTS", cursors) == 1 and history_of(base, ARGV[index])
  local cursor = history and redis.call("HGET", cursors, ARGV[3])
  answer[#answer + 1] = cursor and cursor .. " " .. epoch_of(history) or ""
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
local history = history_of(base, channel)
local current, last = epoch_of(history), last_of(history)
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

/** All of them, for the counters. */
export const CURSOR_SCRIPTS: readonly Script[] = [READ_CURSORS, MOVE_CURSOR, WATCH];
