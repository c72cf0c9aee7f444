/** The backplane: its port, and its two implementations, in memory and on Redis. */
export { type MemoryOptions, memoryBackplane } from "./memory/memory.ts";
export type { Message, StoredMessage } from "./message.ts";
export type {
  Adjustable,
  Admission,
  Appended,
  Backplane,
  BackplaneSink,
  Broker,
  Cluster,
  Command,
  CommandResult,
  ConnectionRules,
  Cursors,
  Degradable,
  Degradation,
  HealthEvent,
  HistoryPage,
  HistoryQuery,
  Idempotency,
  Memberships,
  NodeInfo,
  NodeStatus,
  OnlinePage,
  OnlineUser,
  Presence,
  PresenceView,
  Reached,
  Routes,
  StoredReceipt,
  Tallied,
  Traffic,
} from "./port.ts";
export { ABILITIES, DEGRADABLE, Health, NOBODY } from "./port.ts";
export { type RedisOptions, redisBackplane, redisClient } from "./redis/redis.ts";
