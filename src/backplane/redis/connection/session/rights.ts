import { VERSION } from "../../wire/lines.ts";
import { isFinal, kindOf } from "../failures.ts";
import { lua } from "../lua.ts";
import { pack, publishOf } from "../packed-command.ts";
import { script } from "../script.ts";

/**
 * Runs each command that scripts of this code run, on keys that nothing else reads. So a user without one of the rights
 * is noticed before the first login, and not by it. test/backplane/redis/connection/rights.test.ts compares the lists.
 */
export const CHECK_RIGHTS = script(
  "check-rights",
  lua`
-- KEYS[1]  base of a partition
-- ARGV[1…] Pub/Sub channels
-- reply    nil
local call = redis.call
local text, list, set = base .. ":check:s", base .. ":check:l", base .. ":check:t"
local hash, sorted, other = base .. ":check:h", base .. ":check:z", base .. ":check:o"
call("TIME")
call("DEL", text, list, set, hash, sorted, other)
call("SETNX", text, 1)
call("SET", text, 1)
call("GET", text)
call("INCR", text)
call("DECR", text)
call("EXISTS", text)
call("PERSIST", text)
call("PEXPIRE", text, 1000)
call("EXPIRE", text, 1)
call("RENAME", text, other)
call("RPUSH", list, 1, 2)
call("RPUSHX", list, 3)
call("LLEN", list)
call("LINDEX", list, 0)
call("LRANGE", list, 0, -1)
call("LSET", list, 0, 1)
call("LTRIM", list, 1, -1)
call("MEMORY", "USAGE", list, "SAMPLES", "0")
call("INFO", "memory")
call("SADD", set, 1, 2)
call("SCARD", set)
call("SISMEMBER", set, 1)
call("SMEMBERS", set)
call("SSCAN", set, 0)
call("SREM", set, 1)
call("HSET", hash, "a", 1)
call("HGET", hash, "a")
call("HMGET", hash, "a")
call("HGETALL", hash)
call("HINCRBY", hash, "a", 1)
call("HKEYS", hash)
call("HVALS", hash)
call("HLEN", hash)
call("HSCAN", hash, 0)
call("HRANDFIELD", hash, 1)
call("HDEL", hash, "a")
call("ZADD", sorted, 1, "a")
call("ZSCORE", sorted, "a")
call("ZCOUNT", sorted, 0, 1)
call("ZRANGEBYSCORE", sorted, 0, 1)
call("ZRANGE", sorted, 0, -1)
call("ZREVRANGE", sorted, 0, -1)
call("ZREM", sorted, "a")
call("SPOP", set, 1)
call("DEL", text, list, set, hash, sorted, other)
for _, channel in ipairs(ARGV) do call("PUBLISH", channel, OPENING) end
`,
  { checksBirth: false },
);

/** Commands that change nothing, as a transaction carries them: an append, and payloads without lines. */
export const transactionFor = (base: string, channels: readonly string[]): string[] => [
  `*3\r\n${pack("RPUSHX")}${pack(`${base}:check:l`)}${pack("")}`,
  ...channels.map((channel) => publishOf(channel, VERSION).join("")),
];

/** Leaves other failures than missing rights to the scripts that follow: a slot may be moving just now. */
export async function ignoreTransient(check: Promise<unknown>): Promise<void> {
  try {
    await check;
  } catch (error) {
    if (isFinal(kindOf(error))) throw error;
  }
}
