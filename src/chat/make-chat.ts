import type { Authorize, EventMap, Hub, IncomingMessage } from "../index.ts";
import { TidingsError } from "../index.ts";
import { Attempts } from "./accounts/attempts.ts";
import { Budget } from "./accounts/budget.ts";
import { Directory } from "./accounts/directory.ts";
import { onlineOperation } from "./accounts/online.ts";
import { accountOperations } from "./accounts/operations.ts";
import { profileOperations } from "./accounts/profile.ts";
import { Sessions } from "./accounts/sessions.ts";
import { Announcements } from "./announcements.ts";
import { type Core, PREFIX } from "./core.ts";
import { Database } from "./database/database.ts";
import { Following } from "./following.ts";
import { friendOperations } from "./friends.ts";
import { joiningOperations } from "./groups/joining.ts";
import { groupOperations } from "./groups/operations.ts";
import { CHAT_TYPE, contentSchema, NOTICES, OWN_TYPES, parseContent } from "./messages/content.ts";
import { headOf } from "./messages/conversations.ts";
import { Demo } from "./messages/demo.ts";
import { Marks } from "./messages/marks.ts";
import { messageOperations } from "./messages/operations.ts";
import { overviewOperations } from "./messages/overview.ts";
import { declare, notReady, offer } from "./offer.ts";
import { type ChatOptions, databaseOf, settingsOf } from "./options.ts";
import { Rights } from "./rights.ts";

/** A running chat. */
export interface Chat {
  /**
   * Resolves when the tables are there. A PostgreSQL that does not answer yet is waited for, and requests and logins are `unavailable` meanwhile.
   * @throws TidingsError `unavailable` for a database that refuses this user or has another fault that lasts, `conflict` when its tables are of a
   * newer release
   */
  readonly ready: Promise<void>;
  /** Resolves when the hub's groups agree with the tables, after the start. */
  readonly repaired: Promise<void>;
  /** The policy of the hub, which `createChat` has set. Policies of the application may ask it. */
  readonly policy: Authorize;
  /** Writes what waits, and closes the database. The hub goes on without the chat's groups: close the hub first. */
  close(): Promise<void>;
}

/** Interval in which sessions and counters are removed whose time is over. */
const EXPIRE_MS = 60 * 60_000;

/**
 * Adds a chat to a hub: accounts, friends, groups and conversations, in SQLite or PostgreSQL. It sets the hub's policy, adds actions
 * `chat.…` and the endpoints `/chat/…`, and makes the hub's groups follow its tables. Call it before the hub listens.
 * @throws TidingsError `bad_request` for bad options, and for a cluster without PostgreSQL; `conflict` for an `api` of the hub that declares
 * a message or a request of the chat itself
 */
export function createChat<Declared extends object = EventMap>(options: ChatOptions<Declared>): Chat {
  const settings = settingsOf(options);
  const database = new Database(databaseOf(options), settings.report, true);
  // The chat sends its own types of messages, whatever the application declares.
  const hub = options.hub as unknown as Hub<EventMap>;
  const core: Core = { hub, database, settings };
  const parts = makeParts(core, options);
  const { rights, following, marks, attempts, sessions, announcements } = parts;
  const ready = database.ready;
  const operations = operationsOf({ ...core, ...parts });
  declare(core, operations);
  offer({ ...core, ...parts }, operations);
  hub.authorize(rights.policy);
  const ends = [...watch({ ...core, ...parts })];
  const repaired = repair({ ...core, following }, ready);
  repaired.catch(() => undefined);
  const expire = (): void => {
    Promise.all([attempts.expire(), sessions.expire()]).catch((error: unknown) =>
      settings.report("expiry", error),
    );
  };
  const timer = setInterval(expire, EXPIRE_MS).unref();
  return {
    ready,
    repaired,
    policy: rights.policy,
    async close() {
      clearInterval(timer);
      for (const end of ends) end();
      announcements.close();
      following.close();
      await repaired.catch(() => undefined);
      await marks.close();
      await database.close();
    },
  };
}

/** Repairs the hub's groups once both are there. Who awaits these learns why they are not, and is told once. */
async function repair(
  { hub, following, settings }: Core & { readonly following: Following },
  ready: Promise<void>,
): Promise<void> {
  await Promise.all([ready, hub.ready]);
  await following.repair().catch((error: unknown) => {
    settings.report("repair of the groups", error);
    throw error;
  });
}

function makeParts(core: Core, { authorize, demo }: Pick<ChatOptions, "authorize" | "demo">) {
  const parts = {
    rights: new Rights(core, authorize),
    following: new Following(core),
    marks: new Marks(core),
    budget: new Budget(core),
    attempts: new Attempts(core),
    sessions: new Sessions(core),
    directory: new Directory(core),
    announcements: new Announcements(core),
    headOf: (group: string, user: string) => headOf(core, group, user),
  };
  return { ...parts, demo: demo === true ? new Demo({ ...core, ...parts }) : undefined };
}

type Parts = Core & ReturnType<typeof makeParts>;

const operationsOf = (parts: Parts) => [
  ...accountOperations(parts),
  ...profileOperations(parts),
  onlineOperation(parts),
  ...friendOperations(parts),
  ...groupOperations(parts),
  ...joiningOperations(parts),
  ...messageOperations(parts),
  ...overviewOperations(parts),
];

/** Listens to the hub: logins, messages that clients write into groups of the chat, and what was published. */
function watch({ hub, database, following, marks, settings, demo }: Parts): (() => void)[] {
  const schema = contentSchema(settings.limits.textLength);
  return [
    hub.on("connect", async ({ connection }) => {
      await database.prepared().catch(notReady);
      await following.repairUser(connection.user);
    }),
    hub.on("message", ({ message }) => checkContent(message, schema)),
    hub.on("delivered", ({ message }) => demo?.hear(message)),
    hub.on("delivered", ({ message: { type, channel, from }, receipt: { epoch, offset } }) => {
      if (from === undefined || epoch === undefined || offset === undefined) return;
      // A member who writes has read everything before it. One who edits need not have.
      if (NOTICES.includes(type)) return;
      if (channel.startsWith(CHANNELS)) marks.note(channel.slice(GROUP.length), from, { epoch, offset });
    }),
  ];
}

const GROUP = "group:";
const CHANNELS = GROUP + PREFIX;

/** Checks what a client sends into a group of the chat. Nothing is replaced: the hub sends the data as it was written. */
function checkContent({ type, data, group }: IncomingMessage, schema: ReturnType<typeof contentSchema>) {
  if (type.startsWith(OWN_TYPES))
    throw new TidingsError(
      "forbidden",
      `messages of the type ${OWN_TYPES}… come from the server: use the actions ${OWN_TYPES}…`,
    );
  if (type === CHAT_TYPE && group?.startsWith(PREFIX)) parseContent(schema, data);
}
