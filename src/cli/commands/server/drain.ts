import { Command } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

const Drained = z.looseObject({ connections: z.number() });

export function drainCommand(): Command {
  const command = new Command("drain")
    .description(
      "take a node out of service: its clients reconnect elsewhere; its process goes on until you end it",
    )
    .argument("<node>", "id of the node: tidings nodes", parseId);
  return addApiFlags(command, "admin").action(async (node: string, flags: ApiFlags) => {
    const reply = await callApi(flags, `/nodes/${encodeURIComponent(node)}/drain`, Drained, {});
    if (flags.json === true) return printJson(reply);
    const { connections } = reply;
    print(
      `${node} drains: ${connections} ${connections === 1 ? "client was" : "clients were"} told to reconnect`,
    );
  });
}
