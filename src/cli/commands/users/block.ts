import { Command, Option } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseDuration } from "../../duration.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

interface BlockFlags extends ApiFlags {
  for: number;
  reason?: string;
}

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
