import type { RedisServer, TestRedis } from "../../support/redis/redis.ts";

/** Incarnations in the registry in Redis, by node id. Only tests look there. */
export async function incarnations({ masters }: TestRedis, prefix: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const master of masters) {
    const [key] = await keysOf(master, `${prefix}{0}:node`);
    if (key === undefined) continue;
    const entries = (await master.command("HGETALL", key)) as string[]; // field, value, field, …
    for (let at = 0; at < entries.length; at += 2) {
      const [token = "", text = "{}"] = entries.slice(at, at + 2);
      found.set(JSON.parse(text).id, token);
    }
  }
  return found;
}

/** Keys that still name an incarnation, but for the marks that keep it from coming back. */
export async function traces({ masters }: TestRedis, prefix: string, token: string): Promise<string[]> {
  const found: string[] = [];
  for (const master of masters) {
    for (const key of await keysOf(master, `${prefix}*`)) {
      if (/\}:f:/.test(key)) continue;
      if (key.includes(token) || (await contentOf(master, key)).includes(token)) found.push(key);
    }
  }
  return found;
}

/** The keys of one partition, each with the master that has it. */
export async function keysOfPartition(
  { masters }: TestRedis,
  prefix: string,
  partition: number,
): Promise<(readonly [RedisServer, string])[]> {
  const found: (readonly [RedisServer, string])[] = [];
  for (const master of masters) {
    for (const key of await keysOf(master, `${prefix}{${partition}}*`)) found.push([master, key]);
  }
  return found;
}

/** Users in their grace period: they are announced offline at its end. */
export async function usersInGrace({ masters }: TestRedis, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const master of masters) {
    for (const key of await keysOf(master, `${prefix}*:grace`)) {
      found.push(...((await master.command("ZRANGE", key, 0, -1)) as string[])); // users
    }
  }
  return found;
}

const READ: Readonly<Record<string, readonly (string | number)[]>> = {
  string: ["GET"],
  hash: ["HGETALL"],
  set: ["SMEMBERS"],
  zset: ["ZRANGE", 0, -1],
  list: ["LRANGE", 0, -1],
};

async function contentOf(server: RedisServer, key: string): Promise<string> {
  const type = String(await server.command("TYPE", key));
  const [name = "TYPE", ...args] = READ[type] ?? [];
  return JSON.stringify(await server.command(String(name), key, ...args));
}

const keysOf = async (server: RedisServer, pattern: string): Promise<string[]> =>
  (await server.command("KEYS", pattern)) as string[]; // KEYS answers with names
