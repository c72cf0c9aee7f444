import { z } from "zod";
import type { Backplane } from "../backplane/backplane.ts";
import { type Channel, type Push, TidingsError, userChannel } from "../protocol/protocol.ts";
import { pushOf } from "../publish/publish.ts";
import { type BuiltinPorts, channelSchema, localConnection, offsetSchema } from "./builtin.ts";
import { assertAllowed } from "./policy.ts";

/** The newest page, and how much a page may hold. */
export const historySchema = z.object({
  channel: channelSchema.optional(),
  before: z.int().min(1).optional(),
  limit: z.int().min(1).max(200).default(50),
});

/** `message.ack`, `message.history`, `message.resume`. (`message.send` is a message: see inbound.ts.) */
export function messageActions({ router, local, backplane, membership, authorize }: BuiltinPorts): void {
  const ackSchema = z.object({
    offset: offsetSchema,
    channel: channelSchema.optional(),
    epoch: z.string().optional(),
  });
  router.action("message.ack", ackSchema, async ({ user, connection }, { offset, channel, epoch }) => {
    const acknowledged = channel ?? userChannel(user);
    assertReceiver(localConnection(local, connection).groups, user, acknowledged);
    return { offset: await backplane.cursors.move(user, connection.device, acknowledged, { offset, epoch }) };
  });

  router.action("message.history", historySchema, async ({ user }, { channel, before, limit }) => {
    const read = channel ?? userChannel(user);
    await assertAllowed(authorize, user, "history", read);
    return historyPage(backplane, read, { before, limit });
  });

  const resumeSchema = z.object({ channel: channelSchema, epoch: z.string(), offset: offsetSchema });
  router.action("message.resume", resumeSchema, async ({ user, connection }, { channel, epoch, offset }) => {
    const resuming = localConnection(local, connection);
    assertReceiver(resuming.groups, user, channel);
    return { channel, ...(await membership.resume(resuming, channel, { epoch, offset })) };
  });
}

/** A page of chat history, as clients and the HTTP API see it. */
export interface HistoryReply {
  readonly epoch: string;
  /** Oldest first. */
  readonly messages: readonly Push[];
  /** True when there are older ones. */
  readonly more: boolean;
}

export async function historyPage(
  backplane: Backplane,
  channel: Channel,
  query: { before?: number; limit: number },
): Promise<HistoryReply> {
  const { epoch, first, messages } = await backplane.broker.history(channel, query);
  return { epoch, messages: messages.map(pushOf), more: (messages[0]?.offset ?? first) > first };
}

/** Only a member of the channel receives from it, and so may acknowledge and resume. */
function assertReceiver(groups: readonly string[], user: string, channel: Channel): void {
  if (channel === "all" || channel === userChannel(user)) return;
  if (channel.startsWith("group:") && groups.includes(channel.slice("group:".length))) return;
  throw new TidingsError("forbidden", `${user} does not receive ${channel} on this connection`);
}
