import { z } from "zod";
import { countMembers, groupMembers, MAX_MEMBERS_PAGE, memberData } from "../members/members.ts";
import { groupChannel } from "../protocol/protocol.ts";
import { claimOf } from "../publish/publish.ts";
import { type BuiltinPorts, idSchema, localConnection, positionSchema, rewindFields } from "./builtin.ts";
import type { ActionHandler } from "./router.ts";

const groupSchema = z.object({ group: idSchema });

/** Registers the actions `group.…`. */
export function groupActions(ports: BuiltinPorts): void {
  joining(ports);
  listing(ports);
}

/** Registers `group.join`, `group.leave`, `group.update`. */
function joining({ router, local, backplane, members, reads, policy, groupChanges }: BuiltinPorts): void {
  const joinSchema = z.object({
    group: idSchema,
    position: positionSchema.optional(),
    data: z.unknown().optional(),
    ...rewindFields,
  });
  const join: ActionHandler<z.output<typeof joinSchema>> = async (
    context,
    { group, position, data, ...rewind },
  ) => {
    const channel = groupChannel(group);
    const json = data === undefined ? undefined : memberData(data);
    const joining = localConnection(local, context.connection);
    const isRewind = rewind.last !== undefined || rewind.since !== undefined;
    const rewound = async (): Promise<typeof rewind> => {
      // Asked of a member, as for any page of the history.
      await policy.assert(joining, "history", channel);
      return rewind;
    };
    const start = claimOf(position) ?? (isRewind ? rewound : undefined);
    // The deadline is for the policy and the backplane: the replay takes as long as its client takes to read.
    const replay = await router.within(context, () =>
      groupChanges.run(joining, async () => {
        await policy.assert(joining, "join", channel);
        if (start !== undefined) reads.assertRoom();
        return members.join(joining, group, json);
      }),
    );
    return { channel, ...(await replay(start)) };
  };
  router.action("group.join", joinSchema, join, { hasDeadline: false });

  router.action("group.leave", groupSchema, async ({ connection }, { group }) => {
    const leaving = localConnection(local, connection);
    await groupChanges.run(leaving, () => members.leave(leaving, group));
    // It has left, whether or not the backplane knows now what the next login does.
    const durable = await backplane.memberships.groupsOf(connection.user).catch((): readonly string[] => []);
    return { channel: groupChannel(group), ...(durable.includes(group) ? { durable: true } : {}) };
  });
  const updateSchema = z.object({ group: idSchema, data: z.unknown() });
  router.action("group.update", updateSchema, async ({ connection }, { group, data }) => {
    const updating = localConnection(local, connection);
    const json = memberData(data);
    await groupChanges.run(updating, () => members.update(updating, group, json));
    return {};
  });
}

/** Registers `group.members`, `group.count`, `group.watch`, `group.unwatch`. */
function listing({ router, local, backplane, rooms, policy }: BuiltinPorts): void {
  const pageSchema = z.object({
    group: idSchema,
    limit: z.int().min(1).max(MAX_MEMBERS_PAGE).optional(),
    cursor: z.string().optional(),
  });
  router.action("group.members", pageSchema, async ({ connection }, { group, ...page }) => {
    await policy.assert(localConnection(local, connection), "presence", groupChannel(group));
    return groupMembers(backplane, group, page);
  });
  router.action("group.count", groupSchema, async ({ connection }, { group }) => {
    await policy.assert(localConnection(local, connection), "presence", groupChannel(group));
    return countMembers(backplane, group);
  });
  router.action("group.watch", groupSchema, async ({ connection }, { group }) => {
    const watcher = localConnection(local, connection);
    await policy.assert(watcher, "presence", groupChannel(group));
    return { count: await rooms.watch(watcher, group) };
  });
  router.action("group.unwatch", groupSchema, async ({ connection }, { group }) => {
    rooms.unwatch(localConnection(local, connection), group);
    return {};
  });
}
