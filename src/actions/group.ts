import { z } from "zod";
import type { Connection } from "../local/local.ts";
import { groupMembers } from "../members/members.ts";
import { groupChannel } from "../protocol/protocol.ts";
import { type BuiltinPorts, idSchema, localConnection, positionSchema } from "./builtin.ts";
import { assertAllowed } from "./policy.ts";

/** `group.join`, `group.leave`, `group.members`. */
export function groupActions({ router, local, backplane, members, authorize }: BuiltinPorts): void {
  const inTurn = turns();
  const joinSchema = z.object({ group: idSchema, position: positionSchema.optional() });
  router.action("group.join", joinSchema, async ({ connection, user }, { group, position }) => {
    const channel = groupChannel(group);
    const joining = localConnection(local, connection);
    const replay = await inTurn(joining, async () => {
      await assertAllowed(authorize, user, "join", channel);
      return members.join(joining, group);
    });
    return { channel, ...(await replay(position)) };
  });

  const groupSchema = z.object({ group: idSchema });
  router.action("group.leave", groupSchema, async ({ connection }, { group }) => {
    const leaving = localConnection(local, connection);
    await inTurn(leaving, () => members.leave(leaving, group));
    return { channel: groupChannel(group) };
  });
  router.action("group.members", groupSchema, async ({ user }, { group }) => {
    await assertAllowed(authorize, user, "history", groupChannel(group));
    return { members: await groupMembers(backplane, group) };
  });
}

/** Makes one change of a connection's groups follow the other, so that the last request has the last word. */
function turns(): <Result>(connection: Connection, change: () => Promise<Result>) => Promise<Result> {
  const changes = new WeakMap<Connection, Promise<unknown>>();
  return (connection, change) => {
    const before = changes.get(connection) ?? Promise.resolve();
    const done = before.then(change);
    changes.set(
      connection,
      done.catch(() => undefined),
    );
    return done;
  };
}
