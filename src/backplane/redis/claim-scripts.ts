import { type Script, script } from "./connection/connection.ts";

/**
 * Remembers who comes first under an idempotency key. ARGV: key, time, window, what is published ("ephemeral" or the
 * channel), receipt to remember. Answers: 1 for the first, 0 for a repeat; what the first was; its receipt.
 */
export const CLAIM = script(
  "claim",
  `
local name, time, window, what, receipt = unpack(ARGV)
local record = key("k", name)
local until_time, first, known = unpack(redis.call("HMGET", record, "until", "what", "receipt"))
if until_time and tonumber(until_time) > tonumber(time) then return { 0, first, known or "" } end
redis.call("DEL", record)
redis.call("HSET", record, "until", time + window, "what", what)
if receipt ~= "" then redis.call("HSET", record, "receipt", receipt) end
redis.call("PEXPIRE", record, window)
return { 1, what, "" }
`,
);

/** ARGV: key, time, receipt. */
export const SETTLE = script(
  "settle",
  `
local record = key("k", ARGV[1])
local until_time = redis.call("HGET", record, "until")
if until_time and tonumber(until_time) > tonumber(ARGV[2]) then redis.call("HSET", record, "receipt", ARGV[3]) end
return 1
`,
);

/** All of them, for the counters. */
export const CLAIM_SCRIPTS: readonly Script[] = [CLAIM, SETTLE];
