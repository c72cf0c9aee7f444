import { Command } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { formatTable, print, printJson } from "../../output.ts";

const Groups = z.looseObject({ groups: z.array(z.string()) });

/** The command `groups`: lists the groups to which a user belongs for good. */
export function groupsCommand(): Command {
  const command = new Command("groups")
    .description("list the groups of which a user is a durable member")
    .argument("<user>", "the user", parseId);
  return addApiFlags(command, "read").action(async (user: string, flags: ApiFlags) => {
    const reply = await callApi(flags, `/users/groups?${new URLSearchParams({ user })}`, Groups);
    if (flags.json === true) return printJson(reply);
    if (reply.groups.length === 0) return print(`${user} is a durable member of no group`);
    print(
      formatTable(
        ["GROUP"],
        reply.groups.map((group) => [group]),
      ),
    );
  });
}

const Members = z.looseObject({
  members: z.array(z.looseObject({ user: z.string(), online: z.boolean(), durable: z.boolean() })),
});

/** The command `members`: lists the members of a group. */
export function membersCommand(): Command {
  const command = new Command("members")
    .description("list the members of a group: who has joined it, and who belongs to it for good")
    .argument("<group>", "the group", parseId);
  return addApiFlags(command, "read").action(async (group: string, flags: ApiFlags) => {
    const reply = await callApi(flags, `/groups/members?${new URLSearchParams({ group })}`, Members);
    if (flags.json === true) return printJson(reply);
    if (reply.members.length === 0) return print(`${group} has no members`);
    const word = (is: boolean): string => (is ? "yes" : "no");
    const rows = reply.members.map(({ user, online, durable }) => [user, word(online), word(durable)]);
    print(formatTable(["USER", "ONLINE", "DURABLE"], rows));
  });
}
