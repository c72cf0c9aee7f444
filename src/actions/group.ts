import { z } from "zod";
import { groupMembers } from "../members/members.ts";
import { groupChannel } from "../protocol/protocol.ts";
import { type BuiltinPorts, idSchema, localConnection, positionSchema } from "./builtin.ts";
import type { ActionHandler } from "./router.ts";

/** Registers `group.join`, `group.leave`, `group.members`. */
export function groupActions(ports: BuiltinPorts): void {
  const { router, local, backplane, members, reads, policy, groupChanges } = ports;
  const joinSchema = z.object({ group: idSchema, position: positionSchema.optional() });
  const join: ActionHandler<z.output<typeof joinSchema>> = async (context, { group, position }) => {
    const channel = groupChannel(group);
    const joining = localConnection(local, context.connection);
    // The deadline is for the policy and the backplane: the replay takes as long as its client takes to read.
    const replay = await router.within(context, () =>
      groupChanges.run(joining, async () => {
        await policy.assert(joining, "join", channel);
        if (position !== undefined) reads.assertRoom();
        return members.join(joining, group);
      }),
    );
    return { channel, ...(await replay(position)) };
  };
  router.action("group.join", joinSchema, join, { hasDeadline: false });

  const groupSchema = z.object({ group: idSchema });
  router.action("group.leave", groupSchema, async ({ connection }, { group }) => {
    const leaving = localConnection(local, connection);
    await groupChanges.run(leaving, () => members.leave(leaving, group));
    // It has left, whether or not the backplane knows now what the next login does.
    const durable = await backplane.memberships.groupsOf(connection.user).catch((): readonly string[] => []);
    return { channel: groupChannel(group), ...(durable.includes(group) ? { durable: true } : {}) };
  });
  router.action("group.members", groupSchema, async ({ connection }, { group }) => {
    await policy.assert(localConnection(local, connection), "presence", groupChannel(group));
    return { members: await groupMembers(backplane, group) };
  });
}
