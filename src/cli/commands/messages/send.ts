import { Command, Option } from "commander";
import { parseId } from "../../names.ts";
import { addMessageFlags, type MessageFlags, publish } from "./publish.ts";

interface SendFlags extends MessageFlags {
  to?: string;
  group?: string;
}

export function sendCommand(): Command {
  const command = new Command("send")
    .description("send a message to a user or a group")
    .addOption(new Option("--to <user>", "the receiving user").conflicts("group").argParser(parseId))
    .option("--group <id>", "the receiving group", parseId);
  return addMessageFlags(command).action(async (flags: SendFlags) => {
    const { to, group } = flags;
    if (to === undefined && group === undefined) command.error("error: expected --to <user> or --group <id>");
    await publish("message", flags, { to, group });
  });
}
