import { Command, Option } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseDuration } from "../../duration.ts";
import { parseId } from "../../names.ts";
import { formatTable, print, printJson } from "../../output.ts";
import { parseLimit } from "./limit.ts";

interface BlockFlags extends ApiFlags {
  for: number;
  reason?: string;
}

interface BlocksFlags extends ApiFlags {
  limit: number;
  cursor?: string;
}

const Blocks = z.looseObject({
  users: z.array(z.looseObject({ user: z.string(), until: z.number() })),
  cursor: z.string().nullish(),
});

const Blocked = z.looseObject({ connections: z.number(), unconfirmed: z.number() });

export function blockCommand(): Command {
  const command = new Command("block")
    .description("disconnect a user, and refuse the user's logins for a time")
    .argument("<user>", "the user to block", parseId)
    .addOption(
      new Option("--for <duration>", "how long: 90s, 15m, 1h or 7d")
        .argParser(parseDuration)
        .makeOptionMandatory(),
    )
    .option("--reason <text>", "message to the user's clients");
  return addApiFlags(command, "admin").action(block);
}

export function unblockCommand(): Command {
  const command = new Command("unblock")
    .description("end the block of a user")
    .argument("<user>", "the user who may log in again", parseId);
  return addApiFlags(command, "admin").action(unblock);
}

/** The command `blocks`: lists the users who are blocked. */
export function blocksCommand(): Command {
  const command = new Command("blocks")
    .description("list the users who are blocked, and until when")
    .option("--limit <count>", "users per page", parseLimit, 100)
    .option("--cursor <cursor>", "continue after the page that printed this cursor");
  return addApiFlags(command, "read").action(listBlocks);
}

async function listBlocks(flags: BlocksFlags): Promise<void> {
  const query = new URLSearchParams({ limit: String(flags.limit) });
  if (flags.cursor !== undefined) query.set("cursor", flags.cursor);
  const page = await callApi(flags, `/blocks?${query}`, Blocks);
  if (flags.json === true) return printJson(page);
  const rows = page.users.map(({ user, until }) => [user, new Date(until).toISOString()]);
  print(rows.length === 0 ? "nobody is blocked" : formatTable(["USER", "UNTIL"], rows));
  if (typeof page.cursor === "string") print(`\nnext page: --cursor ${page.cursor}`);
}

async function block(user: string, flags: BlockFlags): Promise<void> {
  const { reason, for: seconds } = flags;
  const reply = await callApi(flags, "/users/block", Blocked, { user, ms: seconds * 1_000, reason });
  if (flags.json === true) return printJson(reply);
  const { connections, unconfirmed } = reply;
  print(`${user} is blocked; ${connections} ${connections === 1 ? "connection" : "connections"} closed`);
  if (unconfirmed === 0) return;
  print(
    `${unconfirmed} ${unconfirmed === 1 ? "node" : "nodes"} with more of them did not answer; the block holds there`,
  );
}

async function unblock(user: string, flags: ApiFlags): Promise<void> {
  const reply = await callApi(flags, "/users/block", Blocked, { user, ms: 0 });
  if (flags.json === true) printJson(reply);
  else print(`${user} may log in again`);
}
