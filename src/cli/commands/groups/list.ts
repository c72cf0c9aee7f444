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

const Counts = z.looseObject({ online: z.number(), durable: z.number() });

const Members = Counts.extend({
  members: z.array(
    z.looseObject({
      user: z.string(),
      online: z.boolean(),
      durable: z.boolean(),
      data: z.unknown().optional(),
    }),
  ),
  cursor: z.string().optional(),
});

interface MembersFlags extends ApiFlags {
  count?: true;
  limit?: string;
  cursor?: string;
}

/** The command `members`: lists the members of a group, or counts them. */
export function membersCommand(): Command {
  const command = new Command("members")
    .description("list the members of a group: who has joined it, and who belongs to it for good")
    .argument("<group>", "the group", parseId)
    .option("--count", "print only how many there are")
    .option("--limit <members>", "members to list, at most 1,000 (default: 100)")
    .option("--cursor <cursor>", "continue after the page that printed this cursor");
  return addApiFlags(command, "read").action(async (group: string, flags: MembersFlags) => {
    if (flags.count === true) return printCount(group, flags);
    const { limit, cursor } = flags;
    const query = new URLSearchParams({
      group,
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    const reply = await callApi(flags, `/groups/members?${query}`, Members);
    if (flags.json === true) return printJson(reply);
    if (reply.online + reply.durable === 0) return print(`${group} has no members`);
    print(tableOf(reply.members));
    if (reply.cursor !== undefined) print(`${inWords(reply)}; the next page: --cursor ${reply.cursor}`);
  });
}

async function printCount(group: string, flags: MembersFlags): Promise<void> {
  const reply = await callApi(flags, `/groups/count?${new URLSearchParams({ group })}`, Counts);
  if (flags.json === true) printJson(reply);
  else print(inWords(reply));
}

const inWords = ({ online, durable }: z.infer<typeof Counts>): string =>
  `${online} online, ${durable} durable`;

/** A column for data only where somebody has some. */
function tableOf(members: z.infer<typeof Members>["members"]): string {
  const word = (is: boolean): string => (is ? "yes" : "no");
  const hasData = members.some(({ data }) => data !== undefined);
  const rows = members.map(({ user, online, durable, data }) => [
    user,
    word(online),
    word(durable),
    ...(hasData ? [data === undefined ? "" : JSON.stringify(data)] : []),
  ]);
  return formatTable(["USER", "ONLINE", "DURABLE", ...(hasData ? ["DATA"] : [])], rows);
}
