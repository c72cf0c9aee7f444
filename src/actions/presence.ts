import { z } from "zod";
import type { Backplane } from "../backplane/backplane.ts";
import type { Online } from "../members/members.ts";
import { groupChannel } from "../protocol/protocol.ts";
import { type BuiltinPorts, idSchema, localConnection } from "./builtin.ts";
import { assertAllowed } from "./policy.ts";

/** A request names at most 1,000 users, because each costs one read of presence. */
const usersSchema = z.array(idSchema).max(1_000);

/** Limit of users in a reply about all users. */
const PAGE = 100;

/** Registers `presence.get`, `presence.watch`. */
export function presenceActions(ports: BuiltinPorts): void {
  const { router, local, backplane, members, watchers, authorize } = ports;
  const getSchema = z.object({ users: usersSchema.optional(), group: idSchema.optional() }).default({});
  router.action("presence.get", getSchema, async ({ connection }, { users, group }) => {
    if (group !== undefined) {
      await assertAllowed(authorize, connection, "history", groupChannel(group));
      return someOnline({ backplane, members }, await backplane.presence.inGroup(group));
    }
    return users === undefined ? anyOnline(backplane) : someOnline({ backplane, members }, users);
  });

  const watchSchema = z.union([z.object({ users: usersSchema }), z.object({ all: z.literal(true) })]);
  router.action("presence.watch", watchSchema, async ({ connection }, watched) => {
    const users = "users" in watched ? watched.users : undefined;
    const watcher = localConnection(local, connection);
    // Watch first: a change between the watch and the read must not be missed.
    await watchers.watch(watcher, users);
    if (users === undefined) {
      const reply = await anyOnline(backplane);
      watchers.replied(watcher, reply.online);
      return reply;
    }
    const reply = await watchedOnline({ backplane, members }, users);
    const online = watchers.replied(watcher, reply.online, users);
    return { online, count: Object.keys(online).length };
  });
}

/**
 * Finds who is online as the events tell it. A user in the grace period is: no event follows when the user reconnects within
 * it, so a watcher that was told otherwise would never learn of it.
 */
async function watchedOnline(
  ports: Pick<BuiltinPorts, "backplane" | "members">,
  users: readonly string[],
): Promise<{ online: Online; count: number }> {
  const { online } = await someOnline(ports, users);
  for (const user of users) {
    if (!Object.hasOwn(online, user) && (await ports.backplane.presence.isOnline(user))) online[user] = [];
  }
  return { online, count: Object.keys(online).length };
}

async function someOnline(
  { backplane: { presence }, members: { pace } }: Pick<BuiltinPorts, "backplane" | "members">,
  users: readonly string[],
): Promise<{ online: Online; count: number }> {
  const entries: [string, string[]][] = [];
  for (const [step, user] of users.entries()) {
    await pace.after(step);
    const connections = await presence.connectionsOf(user);
    if (connections.length > 0)
      entries.push([user, [...new Set(connections.map(({ platform }) => platform))]]);
  }
  return { online: Object.fromEntries(entries), count: entries.length };
}

async function anyOnline({ presence }: Backplane): Promise<{ online: Online; count: number }> {
  const [page, count] = await Promise.all([presence.online({ limit: PAGE }), presence.count()]);
  const online = Object.fromEntries(page.users.map(({ user, platforms }) => [user, platforms]));
  return { online, count: count.users };
}
