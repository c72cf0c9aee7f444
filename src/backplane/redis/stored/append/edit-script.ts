import { lua, luaEscapes } from "../../connection/connection.ts";
import { ENTRIES, historyScript } from "../../history/lua.ts";
import { ENTRY, LINE, NEWLINE } from "../../wire/lines.ts";
import { ENTRY_FIELDS, type EntryField, HEADER } from "../../wire/stored-line.ts";

/** Index of a field in the Lua table of an entry. */
const at = (name: EntryField): number => ENTRY_FIELDS.indexOf(name) + 1;

/**
 * Changes a message where it lies, and appends and publishes the notice of it. As one script, no node and no reader ever finds one
 * without the other.
 */
export const EDIT = historyScript(
  "edit",
  lua`
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  HEAD_MS
-- ARGV[2]  channel
-- ARGV[3]  messages retained
-- ARGV[4]  age retained, ms
-- ARGV[5]  maximum length of a list
-- ARGV[6]  length to which a longer list is trimmed
-- ARGV[7]  epoch of the message to change
-- ARGV[8]  its offset
-- ARGV[9]  its new data; "": it is deleted
-- ARGV[10] data that stands for none
-- ARGV[11] time of the change, ms
-- ARGV[12] entry of the notice
-- ARGV[13] id of the message to change
-- reply    { epoch, offset of the notice, stamp, offset before the list, deaf, number of nodes with members, node, … };
--          {} when there is no such message
--          deaf: tokens of nodes whose inbox has no subscriber, separated by spaces
--          nodes: those with members first
${ENTRIES}
local channel, count, age = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local room, kept = tonumber(ARGV[5]), tonumber(ARGV[6])
local offset, body, none, time, notice = tonumber(ARGV[8]), ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local history = history_of(base, channel)
-- Without expire, which would write before LSET: a full Redis refuses a script only by its first write.
local first = math.max(first_above(history, history.start + 1, now() - age), last_of(history) - count + 1)
if epoch_of(history) ~= ARGV[7] or offset < first or offset > last_of(history) then return {} end

local function fields_at(place)
  local fields = {}
  for field in string.gmatch(entry_at(history, place) .. FIELD, "([^" .. FIELD .. "]*)" .. FIELD) do
    fields[#fields + 1] = field
  end
  for index = #fields + 1, ${ENTRY_FIELDS.length} do fields[index] = "" end
  return fields
end

local function replace(place, fields)
  redis.call("LSET", list_of(history), place - history.start - 1, table.concat(fields, FIELD))
end

local function withdraw(place, fields)
  fields[${at("body")}], fields[${at("platforms")}] = none, "[]"
  replace(place, fields)
end

local message = fields_at(offset)
local former, was_deleted = string.match(message[${at("change")}], "^(%d+) %d+ ([01])$")
if was_deleted == "1" or message[${at("id")}] ~= ARGV[13] then return {} end
message[${at("change")}] = (last_of(history) + 1) .. " " .. time .. " " .. (body == "" and 1 or 0)
if body == "" then withdraw(offset, message) else
  message[${at("body")}] = body
  replace(offset, message)
end
if former then withdraw(tonumber(former), fields_at(tonumber(former))) end
history.size = redis.call("RPUSH", list_of(history), notice)
if history.size > room then trim(history, history.size - kept) end

local epoch, start, deaf = epoch_of(history), last_of(history) - 1, {}
local nodes, members = receivers_of(base, channel)
local header = table.concat({ ${HEADER.join(", ")} }, FIELD)
local entries = "${luaEscapes(ENTRY)}" .. notice .. "${luaEscapes(ENTRY)}"
local line = "${LINE.stored}" .. FIELD .. header .. entries .. "${luaEscapes(NEWLINE)}${LINE.lengths}" .. FIELD .. "1"
for _, token in ipairs(nodes) do
  if redis.call("PUBLISH", inbound_of(token), OPENING .. line) == 0 then deaf[#deaf + 1] = token end
end
return { epoch, last_of(history), history.stamp, history.start, table.concat(deaf, " "), members, unpack(nodes) }
`,
  { stores: true },
);
