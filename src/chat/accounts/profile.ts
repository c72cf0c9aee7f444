import type { Updateable } from "kysely";
import { z } from "zod";
import type { Core } from "../core.ts";
import { folded, type Tables } from "../database/database.ts";
import { fileUrl, name, type Operation, operation, person, user } from "../operation.ts";
import type { Directory } from "./directory.ts";

interface ProfilePorts extends Core {
  readonly directory: Directory;
}

/** Operations about what users show of themselves. */
export const profileOperations = ({ hub, database, directory }: ProfilePorts): Operation[] => [
  operation({
    name: "profile",
    summary: "What a user shows: name and picture. Without a user one's own",
    takes: z.object({ user: user.optional() }),
    gives: person,
    handle: async (caller, given) => directory.assertKnown(given.user ?? caller.user),
  }),
  operation({
    name: "update",
    summary: "Change the own name or picture; null removes the picture",
    takes: z.object({ name: name.optional(), picture: fileUrl.nullable().optional() }),
    gives: person,
    async handle(caller, given) {
      const changes: Updateable<Tables["chat_account"]> = {};
      if (given.name !== undefined)
        Object.assign(changes, { name: given.name, folded_name: folded(given.name) });
      if (given.picture !== undefined) changes.picture = given.picture;
      if (Object.keys(changes).length > 0)
        await database.queries
          .updateTable("chat_account")
          .set(changes)
          .where("user_id", "=", caller.user)
          .execute();
      return directory.assertKnown(caller.user);
    },
  }),
  operation({
    name: "online",
    summary: "Users online in the cluster, page by page",
    takes: z.object({
      limit: z.int().min(1).max(1_000).default(100),
      cursor: z.string().max(1_000).optional().meta({ description: "Cursor of the page before." }),
    }),
    gives: z.object({
      users: z.array(person),
      count: z.int().meta({ description: "Number of all users online." }),
      cursor: z.string().optional().meta({ description: "For the next page; absent on the last one." }),
    }),
    async handle(_, page) {
      const [{ users, cursor }, { users: count }] = await Promise.all([
        hub.presence.online(page),
        hub.presence.count(),
      ]);
      return { users: await directory.persons(users.map((each) => each.user)), count, cursor };
    },
  }),
];
