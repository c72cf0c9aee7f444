import { createHash } from "node:crypto";
import { z } from "zod";
import type { Audience, EventMap } from "../../index.ts";
import type { Budget } from "../accounts/budget.ts";
import { tellChanged } from "../changed.ts";
import { type Caller, type Operation, operation } from "../operation.ts";
import { changeOperations } from "./changes.ts";
import { CHAT_TYPE, contentSchema, parseContent } from "./content.ts";
import {
  type ConversationPorts,
  countUnread,
  groupOf,
  headOf,
  openOperation,
  where,
} from "./conversations.ts";
import type { Marks } from "./marks.ts";

export interface MessagePorts extends ConversationPorts {
  readonly marks: Marks;
  /** Of what users write. */
  readonly budget: Budget;
}

/** Members up to whom read marks and typing are told in a group: beyond, each of them would cost a message to everybody. */
const MOST_TOLD = 100;

export const push = z.object({
  type: z.string(),
  data: z.unknown(),
  timestamp: z.int(),
  from: z.string().optional(),
  group: z.string().optional(),
  id: z.string(),
  offset: z.int().optional(),
  editedAt: z.int().optional(),
  deletedAt: z.int().optional(),
});

/** Operations about the messages of a conversation. */
export const messageOperations = (ports: MessagePorts): Operation[] => [
  openOperation(ports),
  sendOperation(ports),
  ...changeOperations(ports, ports.budget),
  operation({
    name: "history",
    summary: "Messages of a conversation before an offset, oldest first",
    takes: z.object({
      ...where,
      before: z.int().min(1).optional().meta({ description: "Default: the newest messages." }),
      limit: z.int().min(1).max(200).default(50),
    }),
    gives: z.object({ group: z.string(), epoch: z.string(), messages: z.array(push), more: z.boolean() }),
    async handle(caller, { limit, before, ...given }) {
      const group = await groupOf(ports, caller.user, given);
      await ports.rights.assertMember(group, caller.user);
      await ports.rights.assertBase(caller, "history", group);
      const { epoch, messages, more } = await ports.hub
        .group(group)
        .history({ limit, before, reader: caller.user });
      return { group, epoch, messages: [...messages], more };
    },
  }),
  operation({
    name: "typing",
    summary: "Tell the others of a conversation that one is typing; not in groups of more than 100",
    takes: z.object(where),
    async handle(caller, given) {
      const group = await groupOf(ports, caller.user, given);
      await ports.rights.assertMayWrite(group, caller.user);
      await tell(ports, caller, group, { type: "chat.typing", data: { user: caller.user } });
      return undefined;
    },
  }),
  readOperation(ports),
  marksOperation(ports),
];

function sendOperation(ports: MessagePorts): Operation {
  const schema = contentSchema(ports.settings.limits.textLength);
  return operation({
    name: "send",
    summary: "Write into a conversation",
    takes: z.object({
      ...where,
      ...schema.shape,
      key: z
        .string()
        .min(1)
        .max(255)
        .optional()
        .meta({ description: "Idempotency key: a repetition within 5 minutes sends nothing." }),
      read: z.boolean().default(true).meta({
        description: "Whoever writes has read what came before. False: not this one, who was offline.",
      }),
    }),
    gives: z.object({
      group: z.string(),
      id: z.string(),
      epoch: z.string(),
      offset: z.int(),
      timestamp: z.int(),
    }),
    async handle(caller, { group: named, to, key, read, ...given }) {
      const data = parseContent(schema, given);
      const group = await groupOf(ports, caller.user, { group: named, to });
      await ports.rights.assertMayWrite(group, caller.user);
      await ports.rights.assertBase(caller, "send", group);
      ports.budget.spend(caller.user, data);
      const message = {
        type: CHAT_TYPE,
        data,
        from: caller.user,
        key: key && keyOf(caller.user, group, key),
      };
      const send = () => audienceOf(ports, caller, group).send(message);
      const receipt = await (read ? send() : ports.marks.unmoved({ group, user: caller.user }, send));
      const { id, epoch = "", offset = 0, timestamp } = receipt;
      return { group, id, epoch, offset, timestamp };
    },
  });
}

const readOperation = (ports: MessagePorts): Operation =>
  operation({
    name: "read",
    summary: "Mark a conversation as read; the others hear of it in groups of up to 100",
    takes: z.object({
      ...where,
      offset: z
        .int()
        .min(0)
        .optional()
        .meta({ description: "Up to which message. Default: the newest one." }),
    }),
    gives: z.object({ group: z.string(), offset: z.int(), unread: z.int() }),
    async handle(caller, { offset: asked, ...given }) {
      const { user } = caller;
      const group = await groupOf(ports, user, given);
      await ports.rights.assertMember(group, user);
      const head = await headOf(ports, group, user);
      const offset = Math.min(asked ?? head.offset, head.offset);
      await ports.marks.flush();
      if (await ports.marks.set({ group, user, epoch: head.epoch, offset })) {
        const isTold = await tell(ports, caller, group, { type: "chat.read", data: { user, offset } });
        // The user's other devices hear of it in a large group too.
        if (!isTold) tellChanged(ports, [user], "groups", caller.connection?.id);
      }
      return { group, offset, unread: await countUnread(ports, { group, user }, offset, head.offset) };
    },
  });

const marksOperation = (ports: MessagePorts): Operation =>
  operation({
    name: "readers",
    summary:
      "How far the members of a conversation have read: 100 of them, and the number who have read an offset",
    takes: z.object({ ...where, offset: z.int().min(0).default(0) }),
    gives: z.object({
      count: z.int().meta({ description: "Members who have read up to the offset." }),
      members: z.array(z.object({ user: z.string(), offset: z.int() })),
    }),
    async handle({ user }, { offset, ...given }) {
      const group = await groupOf(ports, user, given);
      await ports.rights.assertMember(group, user);
      const { epoch } = await headOf(ports, group, user);
      await ports.marks.flush();
      const readers = ports.database.queries
        .selectFrom("chat_member")
        .where("group_id", "=", group)
        .where("read_epoch", "=", epoch)
        .where("read_offset", ">=", offset);
      const { count } = await readers
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow();
      const rows = await readers
        .select(["user_id", "read_offset"])
        .orderBy("read_offset", "desc")
        .orderBy("user_id")
        .limit(100)
        .execute();
      const members = rows.map((row) => ({ user: row.user_id, offset: row.read_offset }));
      return { count: Number(count), members };
    },
  });

/** Tells the others of a small group something of the moment. @returns false when nobody is told */
async function tell(
  ports: MessagePorts,
  caller: Caller,
  group: string,
  event: { readonly type: string; readonly data: object },
): Promise<boolean> {
  const membership = await ports.rights.find(group, caller.user);
  if (membership === undefined || membership.members > MOST_TOLD) return false;
  const { other } = membership;
  if (other !== undefined && !(await ports.rights.mayWrite(caller.user, other))) return false;
  await audienceOf(ports, caller, group).send({ ...event, from: caller.user, ephemeral: true });
  return true;
}

/** A group without the connection that asks, which has the reply. */
function audienceOf({ hub }: MessagePorts, { connection }: Caller, group: string): Audience<EventMap> {
  const audience = hub.group(group);
  return connection === undefined ? audience : audience.except(connection.id);
}

/** Keys of one user and group do not meet those of another. */
const keyOf = (...parts: readonly string[]): string =>
  `chat:${createHash("sha256").update(JSON.stringify(parts)).digest("base64url")}`;
