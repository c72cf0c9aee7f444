import { z } from "zod";
import { TidingsError } from "../../index.ts";
import type { Directory } from "../accounts/directory.ts";
import { tellChanged } from "../changed.ts";
import { forbidden } from "../core.ts";
import { name, type Operation, operation } from "../operation.ts";
import { type GroupPorts, groupInfo, infoOf, makeGroup } from "./making.ts";
import { addMembers, groupRow } from "./membership.ts";

export interface GatherPorts extends GroupPorts {
  readonly directory: Directory;
}

/** Users on a page of those who are online. */
const PAGE = 1_000;

/** Accounts that are looked up at a time. */
const CHUNK = 50;

/** Makes the operation that puts everybody who is online into a new group. */
export const gatherOperation = (ports: GatherPorts): Operation =>
  operation({
    name: "gather",
    summary:
      "Make a group of everybody who is online, up to `membersPerGroup` users (server administrators; in development mode anyone)",
    changes: "groups",
    takes: z.object({ name }),
    gives: groupInfo,
    async handle({ user }, given) {
      if (!(await ports.rights.mayGather(user)))
        throw forbidden("gathering users is for server administrators (tidings chat admin)");
      const { group } = await makeGroup(ports, user, { name: given.name, announce: "group" });
      const users = (await onlineUsers(ports)).filter((each) => each !== user);
      const added = await ports.database.change((queries) => addMembers(queries, ports, group, users));
      await ports.following.apply(added.map((each) => ({ group, user: each })));
      // It tells all members of the group, so nobody is left to announce them to.
      tellChanged(ports, added, "groups");
      return infoOf(await groupRow(ports.database.queries, group));
    },
  });

/** Users who are online and have an account. */
async function onlineUsers({ hub, directory, settings }: GatherPorts): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await hub.presence.online({ limit: PAGE, cursor });
    for (let from = 0; from < page.users.length; from += CHUNK) {
      const users = page.users.slice(from, from + CHUNK).map(({ user }) => user);
      const known = await Promise.all(users.map((user) => hasAccount(directory, user)));
      found.push(...users.filter((_, place) => known[place]));
    }
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < settings.limits.membersPerGroup);
  return found;
}

/** False for visitors and consoles, and for a user whose id looks like that of another one. */
async function hasAccount(directory: Directory, user: string): Promise<boolean> {
  try {
    await directory.ensure(user);
    return true;
  } catch (error) {
    if (error instanceof TidingsError && error.code !== "unavailable") return false;
    throw error;
  }
}
