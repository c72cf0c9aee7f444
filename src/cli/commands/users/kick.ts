import { Command } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

interface KickFlags extends ApiFlags {
  reason?: string;
  platform?: string;
}

const Kicked = z.looseObject({ connections: z.number(), unconfirmed: z.number() });

export function kickCommand(): Command {
  const command = new Command("kick")
    .description("disconnect a user; the user's clients do not reconnect by themselves")
    .argument("<user>", "the user to disconnect", parseId)
    .option("--reason <text>", "message to the user's clients")
    .option("--platform <name>", "only the connections of this platform", parseId);
  return addApiFlags(command, "admin").action(kick);
}

async function kick(user: string, flags: KickFlags): Promise<void> {
  const { reason, platform } = flags;
  const reply = await callApi(flags, "/users/kick", Kicked, { user, reason, platform });
  if (flags.json === true) return printJson(reply);
  const { connections, unconfirmed } = reply;
  print(`${connections} ${connections === 1 ? "connection" : "connections"} of ${user} closed`);
  if (unconfirmed === 0) return;
  print(
    `${unconfirmed} ${unconfirmed === 1 ? "node" : "nodes"} with more of them did not answer; the kick holds there`,
  );
}
