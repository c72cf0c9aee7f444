import type { Authorize, EventMap, Hub } from "../index.ts";
import { TidingsError } from "../index.ts";

/** Options of {@link createChat}. */
export interface ChatOptions<Declared extends object = EventMap> {
  /** The hub whose users chat. */
  readonly hub: Hub<Declared>;
  /**
   * `sqlite:<file>`, or `postgres://user:password@host:5432/database` for the nodes of a cluster, with the package `pg`.
   * @default `chatDatabase` of the hub's configuration; else `chat.db` in its data directory, or in memory without one
   */
  readonly database?: string | undefined;
  /** False: accounts are made by nobody but the application's tokens. @default `chatRegistration`: true */
  readonly registration?: boolean | undefined;
  /** Senders from whom a user takes messages: `friends`, or `anyone` who is not blocked. @default `chatDirect`: "friends", in development mode "anyone" */
  readonly direct?: "friends" | "anyone" | undefined;
  /** The policy of the application. It is asked about everything, and what it refuses stays refused. @default `defaultPolicy` */
  readonly authorize?: Authorize | undefined;
  /** True: each new user finds a group with a robot, for a first look. @default false; `tidings serve` in development mode: true */
  readonly demo?: boolean | undefined;
  /** Any part of the limits. @default see {@link ChatLimits} */
  readonly limits?: Partial<ChatLimits> | undefined;
  /** Called with failures that no caller waits for. @default a warning of the process */
  readonly report?: ((stage: string, error: unknown) => void) | undefined;
}

/** Limits of the chat. */
export interface ChatLimits {
  /** Most members that a group may be given. @default 10_000 */
  readonly membersPerGroup: number;
  /** Groups of a user, conversations with one other user included. @default 2_000 */
  readonly groupsPerUser: number;
  /** Groups that a user owns. @default 200 */
  readonly ownedGroups: number;
  /** Friends of a user, open requests included. @default 2_000 */
  readonly friendsPerUser: number;
  /** Users that a user blocks. @default 2_000 */
  readonly blocksPerUser: number;
  /** Invitations of a group that are not answered. @default 1_000 */
  readonly invitationsPerGroup: number;
  /** Characters of a text. @default 65_536 */
  readonly textLength: number;
  /** Failed logins within 15 minutes: of an account from one address. @default 10 */
  readonly failedLogins: number;
  /** Failed logins within 15 minutes: of an account from all addresses, and from an address to all accounts. @default 100 */
  readonly failedLoginsAltogether: number;
  /** Accounts that one address registers in a day. @default 100 */
  readonly registrationsPerAddress: number;
  /** Searches of a user by a part of a name, on a node in a minute: each looks at all names. @default 120 */
  readonly searchesPerMinute: number;
}

const DEFAULT_LIMITS: ChatLimits = {
  membersPerGroup: 10_000,
  groupsPerUser: 2_000,
  ownedGroups: 200,
  friendsPerUser: 2_000,
  blocksPerUser: 2_000,
  invitationsPerGroup: 1_000,
  textLength: 65_536,
  failedLogins: 10,
  failedLoginsAltogether: 100,
  registrationsPerAddress: 100,
  searchesPerMinute: 120,
};

/** Options with their defaults. */
export interface Settings {
  readonly registration: boolean;
  readonly direct: "friends" | "anyone";
  readonly limits: ChatLimits;
  readonly report: (stage: string, error: unknown) => void;
}

const PROCESS_WARNING = (stage: string, error: unknown): void =>
  process.emitWarning(`chat: ${stage}: ${error instanceof Error ? error.message : String(error)}`);

/** @throws TidingsError `bad_request` for limits that are no whole numbers above 0 */
export function settingsOf<Declared extends object>(options: ChatOptions<Declared>): Settings {
  const { hub, report = PROCESS_WARNING } = options;
  const { chat, chatRegistration, chatDirect = hub.development ? "anyone" : "friends" } = hub.config;
  const { registration = chatRegistration, direct = chatDirect } = options;
  if (chat === false) throw new TidingsError("bad_request", "chat: the hub's configuration turns it off");
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  for (const [name, value] of Object.entries(limits)) {
    const isKnown = Object.hasOwn(DEFAULT_LIMITS, name);
    if (!isKnown) throw new TidingsError("bad_request", `limits.${name}: there is no such limit`);
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TidingsError(
        "bad_request",
        `limits.${name}: expected a whole number from 1, got ${String(value)}`,
      );
  }
  if (direct !== "friends" && direct !== "anyone")
    throw new TidingsError("bad_request", 'direct: expected "friends" or "anyone"');
  return { registration, direct, limits, report };
}

/** @returns the database that the options or the hub's data directory name */
export function databaseOf<Declared extends object>({ hub, database }: ChatOptions<Declared>): string {
  if (database !== undefined) {
    if (/^(sqlite:.|postgres(?:ql)?:\/\/)/.test(database)) return database;
    throw new TidingsError(
      "bad_request",
      "database: expected sqlite:<file>, or postgres://user:password@host:5432/database",
    );
  }
  const { data, redis, chatDatabase } = hub.config;
  if (chatDatabase !== undefined) return chatDatabase;
  if (redis !== undefined) {
    throw new TidingsError(
      "bad_request",
      "database: the nodes of a cluster share a PostgreSQL: expected postgres://user:password@host:5432/database, also in chatDatabase (CHAT_DATABASE)",
    );
  }
  return typeof data === "string" ? `sqlite:${data}/chat.db` : "sqlite::memory:";
}
