import { z } from "zod";
import type { Connection } from "../local/local.ts";
import { type Channel, TidingsError, userChannel } from "../protocol/protocol.ts";
import { bareEpoch, historyPage } from "../publish/publish.ts";
import {
  type BuiltinPorts,
  channelSchema,
  epochSchema,
  localConnection,
  messageIdSchema,
  offsetSchema,
  rewindFields,
} from "./builtin.ts";
import { RequestContext } from "./router.ts";

/** Query of a history page. Without `before`: the newest page. */
export const historySchema = z.object({
  channel: channelSchema.optional(),
  before: z.int().min(1).optional(),
  since: rewindFields.since,
  limit: z.int().min(1).max(200).default(50),
});

/** Registers `message.ack`, `message.edit`, `message.delete`, `message.history`, `message.resume`. (`message.send` is a message: see inbound.ts.) */
export function messageActions(ports: BuiltinPorts): void {
  const { router, local, backplane, members, reads, policy, sending, hooks, log } = ports;
  const ackSchema = z.object({
    offset: offsetSchema,
    channel: channelSchema.optional(),
    epoch: epochSchema.optional(),
  });
  router.action("message.ack", ackSchema, async ({ user, connection }, { offset, channel, epoch }) => {
    const acknowledged = channel ?? userChannel(user);
    assertReceiver(localConnection(local, connection), acknowledged);
    const position = { offset, epoch: epoch && bareEpoch(epoch) };
    const cursor = await backplane.cursors.move(user, connection.device, acknowledged, position);
    log?.acknowledged(user, connection.device, acknowledged, cursor);
    if (hooks.has("acknowledged"))
      hooks.emit("acknowledged", { connection, channel: acknowledged, offset: cursor });
    return { offset: cursor };
  });

  router.action("message.history", historySchema, async ({ user, connection }, { channel, ...query }) => {
    const read = channel ?? userChannel(user);
    const reader = localConnection(local, connection);
    await policy.assert(reader, "history", read);
    return historyPage(reads, reader, read, query);
  });

  const nameSchema = z.object({
    channel: channelSchema.optional(),
    offset: z.int().min(1),
    id: messageIdSchema,
  });
  router.action(
    "message.edit",
    nameSchema.extend({ data: z.unknown() }),
    async (context, { channel, ...edit }) =>
      sending.edit(localConnection(local, context.connection), channel ?? userChannel(context.user), {
        ...edit,
        body: context instanceof RequestContext ? context.body : undefined,
      }),
  );
  router.action("message.delete", nameSchema, async ({ user, connection }, { channel, ...name }) =>
    sending.delete(localConnection(local, connection), channel ?? userChannel(user), name),
  );

  const resumeSchema = z.object({ channel: channelSchema, epoch: epochSchema, offset: offsetSchema });
  router.action(
    "message.resume",
    resumeSchema,
    async ({ connection }, { channel, epoch, offset }) => {
      const resuming = localConnection(local, connection);
      assertReceiver(resuming, channel);
      reads.assertRoom();
      return { channel, ...(await members.resume(resuming, channel, { epoch, offset })) };
    },
    { hasDeadline: false },
  );
}

/** @throws TidingsError `forbidden` when the connection is no member: only members may acknowledge and resume */
function assertReceiver({ groups, user, receivesAll }: Connection, channel: Channel): void {
  if (channel === "all" ? receivesAll : channel === userChannel(user)) return;
  if (channel.startsWith("group:") && groups.includes(channel.slice("group:".length))) return;
  throw new TidingsError("forbidden", `${user} does not receive ${channel} on this connection`);
}
