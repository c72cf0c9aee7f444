import { z } from "zod";
import type { Backplane } from "../backplane/backplane.ts";
import { groupChannel } from "../protocol/protocol.ts";
import { type BuiltinPorts, idSchema, localConnection, positionSchema } from "./builtin.ts";
import { assertAllowed } from "./policy.ts";

/** `group.join`, `group.leave`, `group.members`. */
export function groupActions({ router, local, backplane, membership, authorize }: BuiltinPorts): void {
  const joinSchema = z.object({ group: idSchema, position: positionSchema.optional() });
  router.action("group.join", joinSchema, async ({ connection, user }, { group, position }) => {
    const channel = groupChannel(group);
    await assertAllowed(authorize, user, "join", channel);
    return { channel, ...(await membership.join(localConnection(local, connection), group, position)) };
  });

  const groupSchema = z.object({ group: idSchema });
  router.action("group.leave", groupSchema, async ({ connection }, { group }) => {
    await membership.leave(localConnection(local, connection), group);
    return { channel: groupChannel(group) };
  });
  router.action("group.members", groupSchema, async ({ user }, { group }) => {
    await assertAllowed(authorize, user, "history", groupChannel(group));
    return { members: await groupMembers(backplane, group) };
  });
}

/** A member of a group: `online` when one of its connections has joined, `durable` when it belongs while away too. */
export interface GroupMember {
  readonly user: string;
  readonly online: boolean;
  readonly durable: boolean;
}

/** Everyone in a group, online or durable, by user id. */
export async function groupMembers(backplane: Backplane, group: string): Promise<GroupMember[]> {
  const online = new Set(await backplane.presence.inGroup(group));
  const durable = new Set(await backplane.memberships.membersOf(group));
  return [...new Set([...online, ...durable])]
    .sort()
    .map((user) => ({ user, online: online.has(user), durable: durable.has(user) }));
}
