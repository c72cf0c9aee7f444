import { Command } from "commander";
import { addMessageFlags, type MessageFlags, publish } from "./publish.ts";

export function broadcastCommand(): Command {
  const command = new Command("broadcast").description("send a message to everyone");
  return addMessageFlags(command).action((flags: MessageFlags) => publish("broadcast", flags, {}));
}
