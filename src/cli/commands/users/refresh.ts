import { Command } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

const Refreshed = z.looseObject({ connections: z.number(), unconfirmed: z.number() });

export function refreshCommand(): Command {
  const command = new Command("refresh")
    .description("ask for a user's rights again: connections leave what the user may no longer do")
    .argument("<user>", "the user whose rights have changed", parseId);
  return addApiFlags(command, "admin").action(refresh);
}

async function refresh(user: string, flags: ApiFlags): Promise<void> {
  const reply = await callApi(flags, "/users/refresh", Refreshed, { user });
  if (flags.json === true) return printJson(reply);
  const { connections, unconfirmed } = reply;
  print(
    `the rights of ${connections} ${connections === 1 ? "connection" : "connections"} of ${user} were asked again`,
  );
  if (unconfirmed > 0)
    print(`${unconfirmed} ${unconfirmed === 1 ? "node" : "nodes"} with more of them did not answer`);
}
