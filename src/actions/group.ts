import { z } from "zod";
import type { Backplane } from "../backplane/backplane.ts";
import { groupChannel } from "../protocol/protocol.ts";
import { type BuiltinPorts, idSchema, localConnection, positionSchema } from "./builtin.ts";
import { InboundState } from "./inbound-state.ts";
import { assertAllowed } from "./policy.ts";

/** Registers `group.join`, `group.leave`, `group.members`. */
export function groupActions({ router, local, backplane, membership, authorize }: BuiltinPorts): void {
  const joinSchema = z.object({ group: idSchema, position: positionSchema.optional() });
  router.action("group.join", joinSchema, async ({ connection, user }, { group, position }) => {
    const channel = groupChannel(group);
    const joining = localConnection(local, connection);
    const replay = await joining.attached(InboundState).groupChanges.run(async () => {
      await assertAllowed(authorize, user, "join", channel);
      return membership.join(joining, group);
    });
    return { channel, ...(await replay(position)) };
  });

  const groupSchema = z.object({ group: idSchema });
  router.action("group.leave", groupSchema, async ({ connection }, { group }) => {
    const leaving = localConnection(local, connection);
    await leaving.attached(InboundState).groupChanges.run(() => membership.leave(leaving, group));
    return { channel: groupChannel(group) };
  });
  router.action("group.members", groupSchema, async ({ user }, { group }) => {
    await assertAllowed(authorize, user, "history", groupChannel(group));
    return { members: await groupMembers(backplane, group) };
  });
}

/** A member of a group: `online` when one of the user's connections has joined, `durable` with a durable membership. */
export interface GroupMember {
  readonly user: string;
  readonly online: boolean;
  readonly durable: boolean;
}

/** All members of a group, online or durable, by user id. */
export async function groupMembers(backplane: Backplane, group: string): Promise<GroupMember[]> {
  const online = new Set(await backplane.presence.inGroup(group));
  const durable = new Set(await backplane.memberships.membersOf(group));
  return [...new Set([...online, ...durable])]
    .sort()
    .map((user) => ({ user, online: online.has(user), durable: durable.has(user) }));
}
