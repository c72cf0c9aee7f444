import { z } from "zod";
import type { FoundMessage, FoundPage } from "../../../log/log.ts";
import { encodePush, TidingsError, targetOf, withText } from "../../../protocol/protocol.ts";
import type { ApiPorts } from "../ports.ts";
import { type Route, route } from "../route.ts";
import { channel, group, push, user, whole } from "../schemas.ts";

/** Longest text to search for, in characters. */
const MAX_TEXT = 1_000;

const time = whole(0).optional();

const query = z.object({
  user: user.optional().meta({ description: "Messages from this user, and to this user." }),
  from: user.optional().meta({ description: "User who sent it." }),
  to: user.optional().meta({ description: "User to whom it was sent." }),
  group: group.optional(),
  channel: channel.optional(),
  type: z.string().min(1).max(255).optional(),
  text: z
    .string()
    .min(1)
    .max(MAX_TEXT)
    .optional()
    .meta({ description: "Text in the data, in any case of its letters." }),
  since: time.meta({ description: "Earliest time, in milliseconds since 1970." }),
  until: time.meta({ description: "Time before which it was sent, in milliseconds since 1970." }),
  limit: whole(1, 200).default(50),
  cursor: z.string().max(1_000).optional().meta({ description: "The cursor of the page before." }),
});

const outcome = z.object({
  kind: z.enum(["failed", "edited", "deleted", "dropped"]),
  timestamp: z.int().meta({ description: "Milliseconds since 1970." }),
  node: z.string().meta({ description: "Node where it happened." }),
  count: z.int().optional().meta({ description: "Connections whose full queues dropped the message." }),
  code: z.string().optional().meta({ description: "Code of the error of a failed attempt to publish." }),
  reason: z.string().optional(),
  from: z.string().optional().meta({ description: "User in whose name it was edited or deleted." }),
});

const found = push.extend({
  offset: z.int(),
  epoch: z.string(),
  state: z.string().meta({ description: "State of the receipt." }),
  connections: z.int().meta({ description: "Connections of the publishing node that took the message." }),
  nodes: z.int().meta({ description: "Other nodes to which it was sent." }),
  node: z.string().meta({ description: "Node that published it." }),
  platforms: z.array(z.string()).optional(),
  outcomes: z.array(outcome),
});

const NO_LOG =
  "there is no message log to search: set messageLog (MESSAGE_LOG) to sqlite:<file> or postgres://<user>:<password>@<host>/<database>";

/** The route that searches the message log. */
export const searchRoute = ({ messageLog }: ApiPorts): Route =>
  route({
    name: "searchMessages",
    access: "admin",
    method: "get",
    path: "/messages",
    summary: "Search the message log, newest first; shorter than the limit when messages are large",
    takes: query,
    gives: z.object({
      messages: z.array(found),
      cursor: z.string().optional().meta({ description: "For the next page; absent on the last one." }),
    }),
    async handle(input) {
      if (messageLog === undefined) throw new TidingsError("bad_request", NO_LOG);
      return answerOf(await messageLog.search(input));
    },
  });

/** The answer has the data of messages as it was written, with all digits of its numbers. */
function answerOf({ messages, cursor }: FoundPage) {
  const shown = messages.map((message) => ({
    ...{ type: message.type, data: JSON.parse(message.data) as unknown, ...factsOf(message) },
    ...{ id: message.id, timestamp: message.timestamp, from: message.from },
    ...targetOf(message.channel),
  }));
  const text = (): string => {
    const end = cursor === undefined ? "" : `,"cursor":${JSON.stringify(cursor)}`;
    return `{"messages":[${messages.map(textOf).join(",")}]${end}}`;
  };
  return withText({ messages: shown, cursor }, text);
}

function factsOf({ offset, epoch, state, connections, nodes, node, platforms, outcomes }: FoundMessage) {
  const told = outcomes.map((each) => {
    const { kind, timestamp, node } = each;
    if (each.kind === "dropped") return { kind, timestamp, node, count: each.count };
    if (each.kind !== "failed") return { kind, timestamp, node, from: each.from };
    return { kind, timestamp, node, code: each.code, reason: each.reason };
  });
  return { offset, epoch, state, connections, nodes, node, platforms, outcomes: told };
}

function textOf(message: FoundMessage): string {
  const { data: body, channel: to, ...push } = message;
  const { offset: _, ...facts } = factsOf(message);
  return `${encodePush({ ...push, body, ...targetOf(to) }).slice(0, -1)},${JSON.stringify(facts).slice(1)}`;
}
