/** Redis servers of a test's own: one, a Redis Cluster, or a master with a replica under Sentinel. */
export { RedisCluster, ReplicatedRedisCluster, type SlotMove } from "./cluster.ts";
export { RedisSentinel } from "./sentinel.ts";
export { type RedisOptions, RedisServer, type TestRedis } from "./server.ts";
