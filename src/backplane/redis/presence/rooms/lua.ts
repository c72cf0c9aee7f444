import { lua } from "../../connection/connection.ts";
import { KEY } from "../../wire/keys.ts";
import { LINE } from "../../wire/lines.ts";
import { OWNED } from "../lua.ts";

/** Letters before the data of a join: written, or only where the user has none. */
export const WRITE = "w";
export const DEFAULT = "d";

/**
 * Lists of the users who have joined a group, with their data, and the lines about their changes. A list changes in the same
 * step as the joined members, and whether a user has joined is looked up and not counted: so nothing can drift apart.
 */
export const ROOMS = lua`
local room_lines, room_line_count, occupancy = {}, 0, {}

-- Sends the lines about changes, one payload for each node. Returns how many lines.
local function tell_rooms()
  for token, lines in pairs(room_lines) do post(token, table.concat(lines, "\n")) end
  return room_line_count
end

local function is_joined(group, user)
  local joined = key("${KEY.joined}", group)
  for _, token in ipairs(nodes_of(base, "group:" .. group)) do
    if redis.call("SISMEMBER", joined, token .. FIELD .. user) == 1 then return true end
  end
  return false
end

-- Nodes that watch a group. New data are told to the nodes of the user too: where Redis loses them, these write them again.
local function listeners_of(group, user, change)
  local tokens, seen = redis.call("SMEMBERS", key("${KEY.roomWatchers}", group)), {}
  if change ~= "update" then return tokens end
  for _, token in ipairs(tokens) do seen[token] = true end
  local joined = key("${KEY.joined}", group)
  for _, token in ipairs(nodes_of(base, "group:" .. group)) do
    if not seen[token] and redis.call("SISMEMBER", joined, token .. FIELD .. user) == 1 then table.insert(tokens, token) end
  end
  return tokens
end

-- The revision of a group is kept while somebody watches it.
local function note_change(group, revision, user, change, data)
  local tokens, before = listeners_of(group, user, change), "0"
  if #tokens == 0 then return end
  if redis.call("EXISTS", key("${KEY.roomWatchers}", group)) == 1 then
    before = redis.call("GET", key("${KEY.revision}", group)) or "0"
    redis.call("SET", key("${KEY.revision}", group), revision)
  end
  local line = table.concat({ "${LINE.room}", group, before, revision, user, change, data }, FIELD)
  for _, token in ipairs(tokens) do
    if not room_lines[token] then room_lines[token] = {} end
    table.insert(room_lines[token], line)
    room_line_count = room_line_count + 1
  end
end

local function note_occupancy(group, is_occupied)
  table.insert(occupancy, group)
  table.insert(occupancy, is_occupied)
end

local function data_in(record) return string.match(record or "", FIELD .. "(.*)$") or "" end

local function write_data(group, user, data)
  local records = key("${KEY.memberData}", group)
  if data_in(redis.call("HGET", records, user)) == data then return end
  local revision = next_serial(base)
  redis.call("HSET", records, user, revision .. FIELD .. data)
  note_change(group, revision, user, "update", data)
end

-- given: the letter of the way, and the data; or empty.
local function enter_room(group, user, given)
  local way, data = string.sub(given, 1, 1), string.sub(given, 2)
  local roster, records = key("${KEY.roster}", group), key("${KEY.memberData}", group)
  if redis.call("ZSCORE", roster, user) then
    if way == "${WRITE}" or (way == "${DEFAULT}" and not redis.call("HGET", records, user)) then
      write_data(group, user, data)
    end
    return
  end
  local revision = next_serial(base)
  redis.call("ZADD", roster, revision, user)
  if way == "" then
    redis.call("HDEL", records, user)
  else
    redis.call("HSET", records, user, revision .. FIELD .. data)
  end
  note_change(group, revision, user, "join", data)
  if redis.call("ZCOUNT", roster, "-inf", "+inf") == 1 then note_occupancy(group, 1) end
end

local function leave_room(group, user)
  local roster = key("${KEY.roster}", group)
  if is_joined(group, user) or redis.call("ZREM", roster, user) == 0 then return end
  redis.call("HDEL", key("${KEY.memberData}", group), user)
  note_change(group, next_serial(base), user, "leave", "")
  if redis.call("EXISTS", roster) == 0 then note_occupancy(group, 0) end
end
`;

/** Adds and removes joined members of groups. Goes behind MEMBERS; a script ends with tell_rooms(). */
export const GROUPS = lua`${ROOMS}
local function enter_group(token, group, user, given)
  if redis.call("SADD", key("${KEY.joined}", group), token .. FIELD .. user) == 1 then
    redis.call("SADD", key("${KEY.owned}", token), "${OWNED.member}" .. group .. FIELD .. user)
    count_members("group:" .. group, token, 1)
  end
  enter_room(group, user, given)
end

local function leave_group(token, group, user)
  redis.call("SREM", key("${KEY.owned}", token), "${OWNED.member}" .. group .. FIELD .. user)
  if redis.call("SREM", key("${KEY.joined}", group), token .. FIELD .. user) == 1 then
    count_members("group:" .. group, token, -1)
  end
  leave_room(group, user)
end

local function watch_room(token, group)
  local watchers = key("${KEY.roomWatchers}", group)
  redis.call("SADD", key("${KEY.owned}", token), "${OWNED.watch}" .. group)
  if redis.call("EXISTS", watchers) == 0 then redis.call("SET", key("${KEY.revision}", group), next_serial(base)) end
  return redis.call("SADD", watchers, token)
end

local function unwatch_room(token, group)
  local watchers = key("${KEY.roomWatchers}", group)
  redis.call("SREM", key("${KEY.owned}", token), "${OWNED.watch}" .. group)
  redis.call("SREM", watchers, token)
  if redis.call("EXISTS", watchers) == 0 then redis.call("DEL", key("${KEY.revision}", group)) end
end
`;
