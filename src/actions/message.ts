import { z } from "zod";
import type { Backplane, StoredMessage } from "../backplane/backplane.ts";
import { type Channel, type Push, TidingsError, userChannel } from "../protocol/protocol.ts";
import { pushOf } from "../publish/publish.ts";
import { type BuiltinPorts, channelSchema, localConnection, offsetSchema } from "./builtin.ts";
import { assertAllowed } from "./policy.ts";

/** Query of a history page. Without `before`: the newest page. */
export const historySchema = z.object({
  channel: channelSchema.optional(),
  before: z.int().min(1).optional(),
  limit: z.int().min(1).max(200).default(50),
});

/** Registers `message.ack`, `message.history`, `message.resume`. (`message.send` is a message: see inbound.ts.) */
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
    return historyPage(backplane, read, { before, limit, maxLength: MAX_PAGE_LENGTH });
  });

  const resumeSchema = z.object({ channel: channelSchema, epoch: z.string(), offset: offsetSchema });
  router.action("message.resume", resumeSchema, async ({ user, connection }, { channel, epoch, offset }) => {
    const resuming = localConnection(local, connection);
    assertReceiver(resuming.groups, user, channel);
    return { channel, ...(await membership.resume(resuming, channel, { epoch, offset })) };
  });
}

/** Characters of data in a client's page. Without the limit, a short request could make a reply of many megabytes. */
const MAX_PAGE_LENGTH = 262_144;

/** A page of a channel's history, as clients and the HTTP API see it. */
export interface HistoryReply {
  readonly epoch: string;
  /** Oldest first. */
  readonly messages: readonly Push[];
  /** True when the history has older messages. */
  readonly more: boolean;
}

/** @param query `maxLength`: characters of data above which the page ends early; one message always fits */
export async function historyPage(
  backplane: Backplane,
  channel: Channel,
  { maxLength = Number.POSITIVE_INFINITY, ...query }: { before?: number; limit: number; maxLength?: number },
): Promise<HistoryReply> {
  const { epoch, first, messages } = await backplane.broker.history(channel, query);
  const page = newestWithin(messages, maxLength);
  return { epoch, messages: page.map(pushOf), more: (page[0]?.offset ?? first) > first };
}

function newestWithin(messages: readonly StoredMessage[], maxLength: number): readonly StoredMessage[] {
  let length = 0;
  const before = messages.findLastIndex(({ body }) => {
    length += body.length;
    return length > maxLength;
  });
  return messages.slice(Math.min(before + 1, messages.length - 1));
}

/** @throws TidingsError `forbidden` when the connection is no member: only members may acknowledge and resume */
function assertReceiver(groups: readonly string[], user: string, channel: Channel): void {
  if (channel === "all" || channel === userChannel(user)) return;
  if (channel.startsWith("group:") && groups.includes(channel.slice("group:".length))) return;
  throw new TidingsError("forbidden", `${user} does not receive ${channel} on this connection`);
}
