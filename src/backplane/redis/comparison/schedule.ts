import type { Channel } from "../../../protocol/protocol.ts";
import { lua, type RunScript, script } from "../connection/connection.ts";
import { EXPIRY_SCHEDULE, KEY } from "../wire/keys.ts";

export const COMPARE_SCHEDULE = script(
  "compare-schedule",
  lua`
-- Schedules the expiry of histories that have messages and are not scheduled: they would be kept for ever.
-- KEYS[1]  base of the channels' partition
-- ARGV[1…] channels
-- reply    number of histories that were not scheduled
local schedule, changes = base .. ":${EXPIRY_SCHEDULE}", 0
for _, channel in ipairs(ARGV) do
  local _, _, stamp = string.match(redis.call("GET", key("${KEY.head}", channel)) or "", HEAD)
  -- The next visit finds out when the oldest message expires.
  if stamp and stamp ~= "0" then changes = changes + redis.call("ZADD", schedule, "NX", now(), channel) end
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
