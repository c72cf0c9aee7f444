/** The backplane: its port, and its implementations: in memory, in a file of SQLite, and on Redis. */
import { TidingsError } from "../protocol/protocol.ts";
import type { Backplane } from "./port.ts";

export { type MemoryOptions, memoryBackplane } from "./memory/memory.ts";
export type { Message, MessageChange, MessageEdit, StoredMessage } from "./message.ts";
export { messageGone } from "./message.ts";
export type {
  Ability,
  Addressee,
  Adjustable,
  Admission,
  Appended,
  AtOnce,
  Backplane,
  BackplaneSink,
  BlockedPage,
  BlockedUser,
  Broker,
  Cluster,
  Command,
  CommandResult,
  ConnectionRules,
  Cursors,
  Degradable,
  Degradation,
  Health,
  HealthEvent,
  HistoryPage,
  HistoryQuery,
  Idempotency,
  JoinData,
  Memberships,
  NodeInfo,
  NodeStatus,
  OnlinePage,
  OnlineUser,
  Presence,
  PresenceView,
  Reached,
  RoomChange,
  RoomMember,
  RoomPage,
  RoomQuery,
  Rooms,
  Routes,
  StoredReceipt,
  Tallied,
  Traffic,
} from "./port.ts";
export { ABILITIES, createHealth, DEGRADABLE, MAX_MEMBER_BYTES, NOBODY } from "./port.ts";
export { type AnswerError, type NodeAnswer, type Question, Questions } from "./questions.ts";
export { type RedisOptions, redisBackplane, redisClient } from "./redis/redis.ts";
export { kindsBy, Retention, type RetentionRules } from "./retention/retention.ts";
export {
  type Checked,
  checkData,
  exportData,
  type Imported,
  type ImportOptions,
  importData,
  type SqliteOptions,
  sqliteBackplane,
} from "./sqlite/sqlite.ts";

/**
 * Checks the backplane that an application gives.
 * @param hasOther true when the configuration names another place for the data
 * @throws TidingsError `bad_request` for a value that is no backplane, and beside another one
 */
export function onlyBackplane(own: Backplane, hasOther: boolean): Backplane {
  const { start, broker } = (own ?? {}) as Partial<Backplane>;
  if (typeof start !== "function" || typeof broker?.append !== "function") {
    throw new TidingsError(
      "bad_request",
      "backplane: expected an object that implements the interface Backplane",
    );
  }
  if (hasOther)
    throw new TidingsError("bad_request", "backplane: expected no redis and no data beside it, got one");
  return own;
}
