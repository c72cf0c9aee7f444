import { lua, type Script, script } from "../connection/connection.ts";
import { KEY } from "../wire/keys.ts";

export const RESERVE_KEY = script(
  "reserve-key",
  lua`
-- Reserves an idempotency key for the publish that comes first under it.
-- KEYS[1]  base of the key's partition
-- ARGV[1]  idempotency key
-- ARGV[2]  idempotency window, ms
-- ARGV[3]  "ephemeral", or the channel of a stored message
-- ARGV[4]  receipt to remember, or ""
-- reply    { 1 for the first publish or 0 for a duplicate, ARGV[3] of the first, receipt of the first or "" }
local name, window, what, receipt = unpack(ARGV)
local record = key("${KEY.idempotency}", name)
local until_time, first, known = unpack(redis.call("HMGET", record, "until", "what", "receipt"))
if until_time and tonumber(until_time) > now() then return { 0, first, known or "" } end
-- HSET is the first write, so that a full Redis refuses the key: after a DEL it would not.
redis.call("HSET", record, "until", now() + window, "what", what)
if receipt ~= "" then redis.call("HSET", record, "receipt", receipt) else redis.call("HDEL", record, "receipt") end
redis.call("PEXPIRE", record, window)
return { 1, what, "" }
`,
  { stores: true },
);

export const REMEMBER_RECEIPT = script(
  "remember-receipt",
  lua`
-- Remembers the receipt of the first publish under an idempotency key, while the key is reserved.
-- KEYS[1]  base of the key's partition
-- ARGV[1]  idempotency key
-- ARGV[2]  receipt
-- reply    1
local record = key("${KEY.idempotency}", ARGV[1])
local until_time = redis.call("HGET", record, "until")
if until_time and tonumber(until_time) > now() then redis.call("HSET", record, "receipt", ARGV[2]) end
return 1
`,
);

/** Scripts on idempotency keys, for the counters. */
export const IDEMPOTENCY_SCRIPTS: readonly Script[] = [RESERVE_KEY, REMEMBER_RECEIPT];
