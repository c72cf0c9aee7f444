import { z } from "zod";
import {
  type Channel,
  channelOf,
  groupChannel,
  TidingsError,
  userChannel,
} from "../../../protocol/protocol.ts";
import { APPLICATION, applicationKey, historyPage, type Receipt } from "../../../publish/publish.ts";
import type { Fields } from "../body.ts";
import type { ApiPorts } from "../ports.ts";
import { type Route, route } from "../route.ts";
import { channel, group, message, push, receipt, user, whole } from "../schemas.ts";

type Outgoing = z.output<typeof message>;

/** Publishes a message of the application. */
async function publish(ports: ApiPorts, to: Channel, outgoing: Outgoing, body?: string): Promise<Receipt> {
  const { type, data, from, ephemeral, platforms, except, ack, timeoutMs, count } = outgoing;
  // A prefix separates idempotency keys of the application from those of its users.
  const key = applicationKey(outgoing.key);
  const draft = { channel: to, type, data, body, from, ephemeral, platforms, except };
  return ports.publisher.publish(draft, { key, ack, timeoutMs, count });
}

/** Routes that send messages, read the history, and change it. */
export const messageRoutes = (ports: ApiPorts): Route[] => [
  route({
    name: "sendMessage",
    access: "publish",
    method: "post",
    path: `${ports.path}/message`,
    summary: "Send a message to a user or a group",
    idempotent: true,
    isMessage: true,
    takes: message.extend({ to: user.optional(), group: group.optional() }),
    gives: receipt,
    handle: (input, _context, body) => publish(ports, receiverOf(input), input, body),
  }),
  route({
    name: "broadcast",
    access: "publish",
    method: "post",
    path: `${ports.path}/broadcast`,
    summary: "Send a message to everyone",
    idempotent: true,
    isMessage: true,
    takes: message,
    gives: receipt,
    precheck: (fields) => assertWithout(fields, ["to", "group"], "everyone"),
    handle: (input, _context, body) => publish(ports, "all", input, body),
  }),
  route({
    name: "sendToGroup",
    access: "publish",
    method: "post",
    path: "/groups/:group/send",
    summary: "Send a message to a group",
    idempotent: true,
    isMessage: true,
    takes: message.extend({ group }),
    gives: receipt,
    precheck: (fields) => assertWithout(fields, ["to"], "a group"),
    handle: (input, _context, body) => publish(ports, groupChannel(input.group), input, body),
  }),
  sendText(ports),
  route({
    name: "readHistory",
    access: "read",
    method: "get",
    path: "/history",
    summary: "A page of a channel's history, oldest first; shorter than the limit when messages are large",
    takes: z.object({
      channel,
      before: whole(1)
        .optional()
        .meta({ description: "Only messages below this offset. Default: the newest page." }),
      since: whole(0)
        .optional()
        .meta({ description: "Only messages since this time, in milliseconds since 1970." }),
      limit: whole(1, 200).default(50),
    }),
    gives: z.object({ epoch: z.string(), messages: z.array(push), more: z.boolean() }),
    handle: ({ channel, ...query }) => historyPage(ports.reads, APPLICATION, channel, query),
  }),
  editRoute(ports),
  deleteRoute(ports),
];

/** Fields that name a stored message. */
const stored = z.object({
  channel,
  offset: whole(1).meta({ description: "Offset of the message in the channel's history." }),
  id: z.string().max(255).meta({ description: "Id of the message at this offset." }),
  from: user.optional().meta({ description: "User in whose name it is changed. Default: none." }),
});

const editRoute = ({ publisher: { edits } }: ApiPorts): Route =>
  route({
    name: "editMessage",
    access: "publish",
    method: "post",
    path: "/history/edit",
    summary: "Replace the data of a stored message; members get a notice of the type `message.edited`",
    isMessage: true,
    takes: stored.extend({
      data: z.unknown().meta({ description: "Any JSON value, at most 64 levels deep." }),
    }),
    gives: receipt,
    handle: async ({ channel, data, from, ...name }, _context, body) =>
      edits.edit(await edits.find(APPLICATION, channel, name), { data, body }, { from }),
  });

const deleteRoute = ({ publisher: { edits } }: ApiPorts): Route =>
  route({
    name: "deleteMessage",
    access: "publish",
    method: "post",
    path: "/history/delete",
    summary: "Delete the data of a stored message; members get a notice of the type `message.deleted`",
    takes: stored,
    gives: receipt,
    handle: async ({ channel, from, ...name }) =>
      edits.delete(await edits.findToDelete(APPLICATION, channel, name), { from }),
  });

function receiverOf(input: { to?: string; group?: string }): Channel {
  if ((input.to === undefined) === (input.group === undefined)) {
    throw new TidingsError("bad_request", "expected either to (a user) or group");
  }
  return channelOf(input);
}

/** The simplest way to send: a text to a user, by an HTML form or a query. A GET must not: an image tag would send. */
const sendText = (ports: ApiPorts): Route =>
  route({
    name: "sendText",
    access: "publish",
    method: "post",
    path: "/send",
    summary: "Send a text to a user, by form, query or JSON, as a message of the type `message`",
    source: "form",
    idempotent: true,
    takes: z.object({ uid: user, message: z.string(), ephemeral: flag, key: message.shape.key }),
    gives: receipt,
    precheck: assertFilled,
    async handle({ uid, message: data, ephemeral, key }) {
      const sent = await publish(ports, userChannel(uid), { type: "message", data, ephemeral, key });
      if (sent.state === "offline" && !(await isOnline(ports, uid))) {
        throw new TidingsError("bad_request", `client not found: ${uid}`);
      }
      return sent;
    },
  });

/** @throws TidingsError `bad_request` for a receiver that the path overrules */
function assertWithout(fields: Fields, names: readonly string[], receiver: string): void {
  const extra = names.find((name) => fields[name] !== undefined);
  if (extra !== undefined)
    throw new TidingsError("bad_request", `${extra}: no field of a message to ${receiver}`);
}

/** Boolean, as JSON or a form writes it. */
const flag = z
  .union([z.boolean(), z.enum(["1", "0", "true", "false"])])
  .default(false)
  .transform((value) => value === true || value === "1" || value === "true");

function assertFilled(fields: Fields): void {
  const isMissing = (value: unknown): boolean => value === null || value === undefined;
  if (isMissing(fields.uid) || fields.uid === "") throw new TidingsError("bad_request", "uid is required");
  if (isMissing(fields.message)) throw new TidingsError("bad_request", "message is required"); // "" is a text
}

/** Asks presence, because a full queue that dropped the message does not mean that the user is offline. */
const isOnline = async ({ backplane }: ApiPorts, uid: string): Promise<boolean> =>
  (await backplane.presence.connectionsOf(uid)).length > 0;
