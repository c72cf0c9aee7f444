/** The ties between nodes, and what is kept: the port, and its implementations. */
export { type MemoryOptions, memoryBackplane } from "./memory/memory.ts";
export type { Message, StoredMessage } from "./message.ts";
export type {
  Admission,
  Appended,
  Backplane,
  BackplaneSink,
  Broker,
  Cluster,
  Command,
  ConnectionRules,
  Cursors,
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
  Routes,
  StoredReceipt,
  Traffic,
} from "./port.ts";
export { type RedisOptions, redisBackplane } from "./redis/redis.ts";
