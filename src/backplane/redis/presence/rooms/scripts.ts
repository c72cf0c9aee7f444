import { FENCED, lua, script } from "../../connection/connection.ts";
import { KEY } from "../../wire/keys.ts";
import { MEMBERS } from "../lua.ts";
import { GROUPS } from "./lua.ts";

/** Adds users of a node to the joined members of groups, or removes them. */
export const ENROL = script(
  "enrol",
  lua`
-- KEYS[1]  base of the partition of the groups
-- ARGV[1]  token
-- ARGV[2…] four for each change: group, user, 1 to join or 0 to leave, data of a join behind the letter of their way, or empty
-- reply    { 1 when an invalidation of the first group is to be confirmed, else 0; data of the first user; lines sent;
--          then two for each group that became occupied or vacated: group, 1 or 0 }
${MEMBERS}${GROUPS}
local token = ARGV[1]
if is_fenced(token) then return redis.error_reply("${FENCED}") end
for index = 2, #ARGV, 4 do
  local group, user = ARGV[index], ARGV[index + 1]
  if ARGV[index + 2] == "1" then enter_group(token, group, user, ARGV[index + 3]) else leave_group(token, group, user) end
end
local to_confirm = redis.call("EXISTS", key("${KEY.invalidated}", "group:" .. ARGV[2]))
local data = data_in(redis.call("HGET", key("${KEY.memberData}", ARGV[2]), ARGV[3]))
return { to_confirm, data, tell_rooms(), unpack(occupancy) }
`,
);

/** Sets the data of a user in a group. */
export const SET_DATA = script(
  "set-data",
  lua`
-- KEYS[1]  base of the partition of the group
-- ARGV[1]  group
-- ARGV[2]  user
-- ARGV[3]  data, JSON
-- reply    lines sent; -1 when the user has not joined
${MEMBERS}${GROUPS}
if not redis.call("ZSCORE", key("${KEY.roster}", ARGV[1]), ARGV[2]) then return -1 end
write_data(ARGV[1], ARGV[2], ARGV[3])
return tell_rooms()
`,
  { stores: true },
);

/** Makes a node hear of the changes in groups, or no more. */
export const WATCH_ROOMS = script(
  "watch-rooms",
  lua`
-- KEYS[1]  base of the partition of the groups
-- ARGV[1]  token
-- ARGV[2]  1 to watch, 0 to end it
-- ARGV[3…] groups
-- reply    how many the node did not watch before
${MEMBERS}${GROUPS}
local token, added = ARGV[1], 0
if is_fenced(token) then return redis.error_reply("${FENCED}") end
for index = 3, #ARGV do
  if ARGV[2] == "1" then added = added + watch_room(token, ARGV[index]) else unwatch_room(token, ARGV[index]) end
end
return added
`,
);

/** Reads a page of the members of a group. */
export const ROOM_PAGE = script(
  "room-page",
  lua`
-- KEYS[1]  base of the partition of the group
-- ARGV[1]  group
-- ARGV[2]  kind of the list
-- ARGV[3]  place to begin after
-- ARGV[4]  most members
-- reply    { revision, users who have joined, durable members,
--          then five for each: user, place, place among the joined or empty, 1 or 0 for durable, revision and data or empty }
local group = ARGV[1]
local roster, durable, records = key("${KEY.roster}", group), key("${KEY.usersOfGroup}", group), key("${KEY.memberData}", group)
local reply = {
  redis.call("GET", key("${KEY.revision}", group)) or "0",
  redis.call("ZCOUNT", roster, "-inf", "+inf"),
  redis.call("ZCOUNT", durable, "-inf", "+inf"),
}
local found = redis.call("ZRANGEBYSCORE", key(ARGV[2], group), "(" .. ARGV[3], "+inf", "WITHSCORES", "LIMIT", 0, ARGV[4])
for index = 1, #found, 2 do
  local user = found[index]
  table.insert(reply, user)
  table.insert(reply, found[index + 1])
  table.insert(reply, redis.call("ZSCORE", roster, user) or "")
  table.insert(reply, redis.call("ZSCORE", durable, user) and 1 or 0)
  table.insert(reply, redis.call("HGET", records, user) or "")
end
return reply
`,
);

export const ROOM_SCRIPTS = [ENROL, SET_DATA, WATCH_ROOMS, ROOM_PAGE] as const;
