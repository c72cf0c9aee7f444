import { z } from "zod";
import type { Backplane } from "../backplane/backplane.ts";
import type { Connection, Local } from "../local/local.ts";
import type { Members, WatchedRooms, Watchers } from "../members/members.ts";
import {
  type Channel,
  type ConnectionInfo,
  ID_RULE,
  isChannel,
  isId,
  type SerialPerKey,
  TidingsError,
} from "../protocol/protocol.ts";
import type { HistoryReads, Hooks } from "../publish/publish.ts";
import type { Policy } from "./policy/policy.ts";
import type { Router } from "./router.ts";
import type { Sending } from "./sending.ts";

/** Ports of the built-in actions. */
export interface BuiltinPorts {
  readonly router: Router;
  readonly local: Local;
  readonly backplane: Backplane;
  readonly members: Members;
  readonly reads: HistoryReads;
  readonly watchers: Watchers;
  readonly rooms: WatchedRooms;
  readonly policy: Policy;
  /** Changes messages of clients. */
  readonly sending: Pick<Sending, "edit" | "delete">;
  /** The application's hook `acknowledged`. */
  readonly hooks: Pick<Hooks, "has" | "emit">;
  /** The message log: it gets the cursor moves. @default none */
  readonly log?:
    | { acknowledged(user: string, device: string, channel: Channel, offset: number): void }
    | undefined;
  /** Runs joins and leaves of a connection in the order of the requests, so that the last request decides. */
  readonly groupChanges: SerialPerKey<Connection>;
  /** Renews the login of an open connection. Wired to the gateway. */
  readonly renewLogin: RenewLogin;
}

export type RenewLogin = (connection: Connection, credentials: LoginData) => Promise<{ expiresAt?: number }>;

export const idSchema = z.string().refine(isId, `expected ${ID_RULE}`);
export const channelSchema = z.custom<Channel>(isChannel, 'expected "all", "user:<id>" or "group:<id>"');
export const offsetSchema = z.int().min(0);
/** Name of a history. Longer ones are no epochs of any server. */
export const epochSchema = z
  .string()
  .max(255)
  .refine((epoch) => epoch.isWellFormed(), "expected well-formed text");
/** Longer ones are no ids of any message. */
export const messageIdSchema = z.string().max(255);
export const positionSchema = z.object({
  epoch: epochSchema,
  offset: offsetSchema,
  id: messageIdSchema.optional(),
});

const TIME = "expected milliseconds since 1970, or a time such as 2026-01-31T12:00:00Z";

/** Start of a join some way back from now: the last messages, those since a time, or those that are both. */
export const rewindFields = {
  last: z.int().min(1).optional(),
  since: z
    .union(
      [z.int(TIME).min(0, TIME), z.iso.datetime({ offset: true, error: TIME }).transform(Date.parse)],
      TIME,
    )
    .optional(),
};

/** Channels that a login may name: each costs a question to the policy, a look-up and a replay. */
const MAX_LOGIN_CHANNELS = 1_000;

const hasFewEntries = (value: unknown): boolean =>
  typeof value !== "object" || value === null || Object.keys(value).length <= MAX_LOGIN_CHANNELS;

/** Positions to resume from. They are counted before they are checked one by one. */
const resumeSchema = z
  .custom<Record<string, unknown>>(
    hasFewEntries,
    `expected at most ${MAX_LOGIN_CHANNELS.toLocaleString("en")} channels: join further groups with group.join`,
  )
  .pipe(z.record(z.string(), positionSchema));

/** Data of `robot.login`. */
export const loginSchema = z.object({
  token: z.string().optional(),
  user_id: idSchema.optional(),
  platform: idSchema.optional(),
  device: idSchema.optional(),
  resume: resumeSchema.optional(),
});

export type LoginData = z.infer<typeof loginSchema>;

/** Schema of actions without data: they accept any. */
export const noData = z.unknown();

/**
 * Finds the connection behind an action's `context.connection`, which shows its identity only.
 * @throws TidingsError `unavailable` after the connection has closed
 */
export function localConnection(local: Local, info: ConnectionInfo): Connection {
  const connection = local.find(info);
  if (connection === undefined) throw new TidingsError("unavailable", "the connection is closed");
  return connection;
}
