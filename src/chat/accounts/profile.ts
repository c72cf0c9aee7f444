import type { Updateable } from "kysely";
import { z } from "zod";
import type { Core } from "../core.ts";
import { folded, type Tables } from "../database/database.ts";
import { fileUrl, name, type Operation, operation, person, user } from "../operation.ts";
import type { Rights } from "../rights.ts";
import type { Directory } from "./directory.ts";

interface ProfilePorts extends Core {
  readonly directory: Directory;
  readonly rights: Rights;
}

/** Operations about what users show of themselves. */
export const profileOperations = ({ database, directory, rights }: ProfilePorts): Operation[] => [
  operation({
    name: "profile",
    summary: "What a user shows: name and picture. Without a user one's own",
    takes: z.object({ user: user.optional() }),
    gives: person.extend({
      mayGather: z
        .boolean()
        .optional()
        .meta({ description: "One's own: may put everybody who is online into a group." }),
    }),
    async handle(caller, given) {
      if (given.user !== undefined) return directory.assertKnown(given.user);
      const own = await directory.assertKnown(caller.user);
      return { ...own, mayGather: await rights.mayGather(caller.user) };
    },
  }),
  operation({
    name: "profiles",
    summary: "What up to 200 users show, in the order asked",
    takes: z.object({ users: z.array(user).min(1).max(200) }),
    gives: z.object({ users: z.array(person) }),
    handle: async (_, { users }) => ({ users: await directory.persons(users) }),
  }),
  operation({
    name: "update",
    summary: "Change the own name or picture; null removes the picture",
    changes: "profile",
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
];
