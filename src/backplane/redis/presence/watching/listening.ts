import type { Channel } from "../../../../protocol/protocol.ts";
import { FENCED, lua, script } from "../../connection/connection.ts";
import { KEY, partitionOf } from "../../wire/keys.ts";
import { OWNED } from "../lua.ts";
import { Watches, type WatchesParts } from "./watches.ts";

/**
 * Nodes that get the stored messages of a channel without a member. They stand apart from the nodes with members, by which receipts,
 * routes and presence count. The list of the history is renamed, so that every append looks its nodes up again.
 */
export const LISTENERS = lua`
local function listen(token, channel)
  redis.call("SADD", key("${KEY.owned}", token), "${OWNED.listener}" .. channel)
  local added = redis.call("SADD", key("${KEY.listeners}", channel), token)
  if added == 1 then restamp(channel) end
  return added
end

local function end_listening(token, channel)
  redis.call("SREM", key("${KEY.owned}", token), "${OWNED.listener}" .. channel)
  if redis.call("SREM", key("${KEY.listeners}", channel), token) == 1 then restamp(channel) end
end
`;

/** Makes a node hear the stored messages of channels, or no more. */
export const LISTEN = script(
  "listen",
  lua`
-- KEYS[1]  base of the partition of the channels
-- ARGV[1]  token
-- ARGV[2]  1 to listen, 0 to end it
-- ARGV[3…] channels
-- reply    how many the node did not listen to before
${LISTENERS}
local token, added = ARGV[1], 0
if is_fenced(token) then return redis.error_reply("${FENCED}") end
for index = 3, #ARGV do
  if ARGV[2] == "1" then added = added + listen(token, ARGV[index]) else end_listening(token, ARGV[index]) end
end
return added
`,
);

/** Channels to which this node listens, whether it has members there or not. */
export type Listening = Watches<Channel>;

export const listeningWatches = (parts: Pick<WatchesParts<Channel>, "connection" | "bus">): Listening =>
  new Watches({ ...parts, script: LISTEN, partitionOf });
