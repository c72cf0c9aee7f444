import { z } from "zod";
import { type HistoryPage, TidingsError } from "../../index.ts";
import type { Budget } from "../accounts/budget.ts";
import { forbidden, notFound } from "../core.ts";
import { assertManager } from "../groups/managing.ts";
import { type Operation, operation } from "../operation.ts";
import { CHAT_TYPE, contentSchema, parseContent } from "./content.ts";
import { type ConversationPorts, groupOf, where } from "./conversations.ts";

/** Fields that name a message. */
const message = {
  ...where,
  offset: z.int().min(1).meta({ description: "Offset of the message." }),
  id: z.string().min(1).max(255).meta({ description: "Id of the message." }),
};

/** Where the notice is stored that tells the others. */
const changed = z.object({ group: z.string(), offset: z.int(), timestamp: z.int() });

/** Operations that change messages where they lie. @param budget of what users write */
export const changeOperations = (ports: ConversationPorts, budget: Budget): Operation[] => {
  const schema = contentSchema(ports.settings.limits.textLength);
  return [
    operation({
      name: "editMessage",
      summary: "Replace the content of a message that one has written",
      takes: z.object({ ...message, ...schema.shape }),
      gives: changed,
      async handle(caller, { group: named, to, offset, id, ...given }) {
        const data = parseContent(schema, given);
        const group = await groupOf(ports, caller.user, { group: named, to });
        await ports.rights.assertMayWrite(group, caller.user);
        await ports.rights.assertBase(caller, "send", group);
        const found = await find(ports, group, { offset, id, reader: caller.user });
        if (found.from !== caller.user) throw forbidden("only its author may edit a message");
        budget.spend(caller.user, data);
        const { hub } = ports;
        const notice = await hub.edit(`group:${group}`, {
          offset,
          id,
          data,
          from: caller.user,
          reader: caller.user,
        });
        return { group, offset: notice.offset ?? 0, timestamp: notice.timestamp };
      },
    }),
    operation({
      name: "deleteMessage",
      summary: "Delete the content of a message: its author may, and who manages the group",
      takes: z.object(message),
      gives: changed,
      async handle(caller, { offset, id, ...given }) {
        const group = await groupOf(ports, caller.user, given);
        const { user } = caller;
        const assertManages = () => assertManager(ports, ports.database.queries, group, user);
        // Administrators of the server need not be members. Others do not learn of messages, nor of groups.
        if ((await ports.rights.find(group, user)) === undefined) await assertManages();
        const remove = (author?: string) =>
          ports.hub.delete(`group:${group}`, {
            offset,
            id,
            from: user,
            reader: user,
            ...(author && { author }),
          });
        const found = await look(ports, group, { offset, id, reader: user });
        if (found !== undefined && found.from !== user) await assertManages();
        // The notice of an edit may have the text of a message that is no longer retained. The hub knows whose it is.
        const notice = await remove(found === undefined ? user : undefined).catch(async (error: unknown) => {
          if (!(error instanceof TidingsError) || error.code !== "forbidden") throw error;
          await assertManages();
          return remove();
        });
        return { group, offset: notice.offset ?? 0, timestamp: notice.timestamp };
      },
    }),
  ];
};

type Found = HistoryPage["messages"][number];

/** A message, and the user whose budget pays for reading it. */
interface ReadName {
  readonly offset: number;
  readonly id: string;
  readonly reader: string;
}

/** @throws TidingsError `not_found` for anything but a message that a user has written */
async function find(ports: ConversationPorts, group: string, name: ReadName): Promise<Found> {
  const found = await look(ports, group, name);
  if (found === undefined) throw notFound(`${group} has no such message`);
  return found;
}

/**
 * Looks for a message.
 * @returns undefined when it is no longer retained
 * @throws TidingsError `not_found` for another one in its place, and for anything but a message that a user has written
 */
async function look(
  { hub }: ConversationPorts,
  group: string,
  { offset, id, reader }: ReadName,
): Promise<Found | undefined> {
  const { messages } = await hub.group(group).history({ before: offset + 1, limit: 1, reader });
  const [found] = messages;
  if (found === undefined) return undefined;
  const isThere = found.offset === offset && found.id === id && found.type === CHAT_TYPE;
  if (!isThere || found.deletedAt !== undefined) throw notFound(`${group} has no such message`);
  return found;
}
