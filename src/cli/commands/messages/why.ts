import { Command, Option } from "commander";
import { z } from "zod";
import { TidingsError } from "../../../protocol/protocol.ts";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { formatTable, print, printable, printJson } from "../../output.ts";

interface WhyFlags extends ApiFlags {
  user?: string;
  message?: string;
  group?: string;
}

const Finding = z.looseObject({
  code: z.string(),
  text: z.string(),
  at: z.number().optional(),
  node: z.string().optional(),
  message: z.string().optional(),
  count: z.number().optional(),
});

const Story = z.looseObject({
  id: z.string(),
  channel: z.string(),
  from: z.string().optional(),
  timestamp: z.number(),
  offset: z.number().optional(),
  publisher: z.string().optional(),
  nodes: z.array(
    z.looseObject({
      node: z.string(),
      connections: z.number().optional(),
      dropped: z.number().optional(),
      receivers: z.number(),
    }),
  ),
});

const Explanation = z.looseObject({
  user: z.string().optional(),
  findings: z.array(Finding),
  message: Story.optional(),
});

/** Form of the ids that hubs give to messages: a random part for the start of the node, and a number. */
const MESSAGE_ID = /^[\w-]{8}-[0-9a-z]{3,}(?:\.copy)?$/;

/** The command `why`: tells why a message did not arrive. */
export function whyCommand(): Command {
  const command = new Command("why")
    .description("tell why a message did not arrive: where it went, or what keeps messages from a user")
    .argument("[message id | user]", "what to explain; --message and --user say which of both it is", parseId)
    .addOption(new Option("--message <id>", "the message that the user misses").argParser(parseId))
    .addOption(new Option("--user <id>", "the user who misses the message").argParser(parseId))
    .option("--group <id>", "the group whose messages the user misses", parseId);
  return addApiFlags(command, "admin").action(async (about: string | undefined, flags: WhyFlags) => {
    const query = new URLSearchParams(queryOf(about, flags));
    const found = await callApi(flags, `/why?${query}`, Explanation);
    if (flags.json === true) return printJson(found);
    if (found.message !== undefined) print(`${storyOf(found.message)}\n`);
    if (found.user !== undefined && found.message === undefined) print(`${printable(found.user)}\n`);
    for (const finding of found.findings) print(lineOf(finding));
  });
}

/** @throws TidingsError `bad_request` when it is not clear what is asked */
function queryOf(about: string | undefined, flags: WhyFlags): Record<string, string> {
  const { user, message, group } = flags;
  if (about !== undefined && user !== undefined && message !== undefined)
    throw new TidingsError("bad_request", "expected --user and --message without an argument beside them");
  const isMessage = user !== undefined || (message === undefined && MESSAGE_ID.test(about ?? ""));
  const asked = isMessage ? { user, message: message ?? about } : { user: about ?? user, message };
  if (asked.user === undefined && asked.message === undefined)
    throw new TidingsError("bad_request", "expected the id of a message, or a user");
  return Object.fromEntries(
    Object.entries({ ...asked, group }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function storyOf({ id, channel, from, timestamp, offset, publisher, nodes }: z.infer<typeof Story>): string {
  const facts = [
    `${id} to ${channel}`,
    `from ${from ?? "the application"}`,
    new Date(timestamp).toISOString(),
    offset === undefined ? "ephemeral" : `offset ${offset}`,
    publisher === undefined ? "published by a process that has ended" : `published by ${publisher}`,
  ];
  const rows = nodes.map(({ node, connections, dropped, receivers }) => [
    ...[node, connections, dropped, receivers].map((cell) => String(cell ?? "–")),
  ]);
  return `${printable(facts.join(", "))}\n\n${formatTable(["NODE", "TOOK IT", "REFUSED IT", "RECEIVERS NOW"], rows)}`;
}

function lineOf({ code, text, at, node, message, count }: z.infer<typeof Finding>): string {
  const where = [
    at === undefined ? undefined : new Date(at).toISOString(),
    node === undefined ? undefined : `node ${node}`,
    message === undefined ? undefined : `message ${message}`,
    count === undefined ? undefined : `${count} times`,
  ].filter((part) => part !== undefined);
  return printable(`${code}: ${text}${where.length > 0 ? ` (${where.join(", ")})` : ""}`);
}
