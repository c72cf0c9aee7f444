import { z } from "zod";
import type { Backplane } from "../backplane/backplane.ts";
import type { Connection } from "../local/local.ts";
import type { Online } from "../members/members.ts";
import { groupChannel, SerialPerKey, userChannel } from "../protocol/protocol.ts";
import { type BuiltinPorts, idSchema, localConnection } from "./builtin.ts";

/** A request names at most 1,000 users, because each costs one read of presence. */
const usersSchema = z.array(idSchema).max(1_000);

/** Limit of users in a reply about all users. */
const PAGE = 100;

/** Registers `presence.get`, `presence.watch`, `presence.unwatch`. */
export function presenceActions(ports: BuiltinPorts): void {
  const { router, local, backplane, members, watchers } = ports;
  const getSchema = z.object({ users: usersSchema.optional(), group: idSchema.optional() }).default({});
  router.action("presence.get", getSchema, async ({ connection }, { users, group }) => {
    const asking = localConnection(local, connection);
    if (group !== undefined) {
      await ports.policy.assert(asking, "presence", groupChannel(group));
      return someOnline({ backplane, members }, await backplane.presence.inGroup(group));
    }
    await assertVisible(ports, asking, users);
    return users === undefined ? anyOnline(backplane) : someOnline({ backplane, members }, users);
  });

  // An unwatch must not overtake a watch before it, which waits for the policy.
  const changes = new SerialPerKey<Connection>();
  const watchSchema = z.union([z.object({ users: usersSchema }), z.object({ all: z.literal(true) })]);
  router.action("presence.watch", watchSchema, async ({ connection }, watched) => {
    const users = "users" in watched ? watched.users : undefined;
    const watcher = localConnection(local, connection);
    // Watch first: a change between the watch and the read must not be missed.
    await changes.run(watcher, async () => {
      await assertVisible(ports, watcher, users);
      await watchers.watch(watcher, users);
    });
    if (users === undefined) {
      const reply = await anyOnline(backplane);
      watchers.replied(watcher, reply.online);
      return reply;
    }
    const reply = await watchedOnline({ backplane, members }, users);
    const online = watchers.replied(watcher, reply.online, users);
    return { online, count: Object.keys(online).length };
  });

  router.action("presence.unwatch", watchSchema, async ({ connection }, watched) => {
    const watcher = localConnection(local, connection);
    await changes.run(watcher, async () => {
      if (!("users" in watched)) watchers.unwatch(watcher);
      else for (const user of watched.users) watchers.unwatch(watcher, user);
    });
    return {};
  });
}

/** @param users undefined for all users. @throws TidingsError `forbidden` for the first one whose presence is hidden */
async function assertVisible(
  { policy, members: { pace } }: Pick<BuiltinPorts, "policy" | "members">,
  connection: Connection,
  users: readonly string[] | undefined,
): Promise<void> {
  if (users === undefined) return policy.assert(connection, "presence", "all");
  for (const [step, user] of users.entries()) {
    await pace.after(step);
    await policy.assert(connection, "presence", userChannel(user));
  }
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
