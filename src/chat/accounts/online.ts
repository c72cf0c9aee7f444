import { z } from "zod";
import type { Core } from "../core.ts";
import { cursor, nextCursor, type Operation, operation, person } from "../operation.ts";
import type { Rights } from "../rights.ts";
import type { Directory } from "./directory.ts";

interface OnlinePorts extends Core {
  readonly directory: Directory;
  readonly rights: Rights;
}

/** Questions to the backplane at a time. */
const CHUNK = 100;

/** Makes the operation that lists who is online. Where the policy does not let a user see everybody, it lists friends. */
export const onlineOperation = (ports: OnlinePorts): Operation =>
  operation({
    name: "online",
    summary: "Users online in the cluster, page by page: everybody, or the own friends (see `of`)",
    takes: z.object({
      limit: z.int().min(1).max(1_000).default(100),
      cursor,
    }),
    gives: z.object({
      users: z.array(person),
      count: z.int().meta({ description: "Number of all users online among these." }),
      of: z.enum(["everyone", "friends"]).meta({
        description:
          "Who is listed. `everyone`: for users whom the policy lets see the presence of `all`, and server administrators.",
      }),
      cursor: nextCursor,
    }),
    async handle(caller, page) {
      const isAll = await ports.rights.mayListOnline(caller);
      const { users, ...rest } = await (isAll
        ? everyone(ports, page)
        : onlineFriends(ports, caller.user, page));
      const of = isAll ? ("everyone" as const) : ("friends" as const);
      return { users: await ports.directory.persons(users), of, ...rest };
    },
  });

interface Page {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

interface OnlineUsers {
  readonly users: readonly string[];
  readonly count: number;
  readonly cursor?: string | undefined;
}

async function everyone({ hub }: OnlinePorts, page: Page): Promise<OnlineUsers> {
  const [{ users, cursor }, { users: count }] = await Promise.all([
    hub.presence.online(page),
    hub.presence.count(),
  ]);
  return { users: users.map(({ user }) => user), count, cursor };
}

/** Friends of a user who are online, by their ids. */
async function onlineFriends(
  { hub, database }: OnlinePorts,
  user: string,
  { limit, cursor = "" }: Page,
): Promise<OnlineUsers> {
  const rows = await database.queries
    .selectFrom("chat_friend")
    .select("other_id")
    .where("user_id", "=", user)
    .where("state", "=", "friend")
    .execute();
  const online: string[] = [];
  for (let from = 0; from < rows.length; from += CHUNK) {
    const friends = rows.slice(from, from + CHUNK).map((row) => row.other_id);
    const states = await Promise.all(friends.map((friend) => hub.presence.isOnline(friend)));
    online.push(...friends.filter((_, place) => states[place]));
  }
  // Sorted here: the order of a database depends on its language.
  const later = online.sort().filter((friend) => friend > cursor);
  const users = later.slice(0, limit);
  return { users, count: online.length, cursor: later.length > limit ? users.at(-1) : undefined };
}
