import { lua, script } from "../connection/connection.ts";
import { KEY } from "../wire/keys.ts";

/** Tells in one step whether a user has a connection or is in the grace period, so that no reconnect falls between. */
export const IS_ONLINE = script(
  "is-online",
  lua`
-- KEYS[1]  base of the partition of the user
-- ARGV[1]  user
-- reply    1 or 0
if redis.call("EXISTS", key("${KEY.connections}", ARGV[1])) == 1 then return 1 end
return redis.call("ZSCORE", base .. ":grace", ARGV[1]) and 1 or 0
`,
);
