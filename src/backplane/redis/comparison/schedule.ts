import type { Channel } from "../../../protocol/protocol.ts";
import { lua, type RunScript, script } from "../connection/connection.ts";
import { EXPIRY_SCHEDULE, KEY, SERIAL_KEY } from "../wire/keys.ts";

export const COMPARE_SCHEDULE = script(
  "compare-schedule",
  lua`
-- Schedules the expiry of histories that have messages and are not scheduled: they would be kept for ever. Raises the
-- serial number of the partition above those in use: a number that is given twice would make two histories one.
-- KEYS[1]  base of the channels' partition
-- ARGV[1…] channels
-- reply    number of histories that were not scheduled, and one more for the serial number
local schedule, changes, highest = base .. ":${EXPIRY_SCHEDULE}", 0, 0
for _, channel in ipairs(ARGV) do
  local serial, _, stamp = string.match(redis.call("GET", key("${KEY.head}", channel)) or "", HEAD)
  highest = math.max(highest, tonumber(serial or 0), tonumber(stamp or 0))
  -- The next visit finds out when the oldest message expires.
  if stamp and stamp ~= "0" then changes = changes + redis.call("ZADD", schedule, "NX", now(), channel) end
end
if highest > tonumber(redis.call("GET", base .. ":${SERIAL_KEY}") or 0) then
  -- Channels of other nodes may have higher ones.
  redis.call("SET", base .. ":${SERIAL_KEY}", highest + 1000000)
  changes = changes + 1
end
return changes
`,
);

/** Schedules the expiry of histories of a partition that Redis has lost. @returns number of histories */
export const compareSchedule = async (
  run: RunScript,
  partition: number,
  channels: readonly Channel[],
): Promise<number> => Number(await run(COMPARE_SCHEDULE, partition, channels));
